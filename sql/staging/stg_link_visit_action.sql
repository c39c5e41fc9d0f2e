-- description: One row per Matomo page action, typed; an action 0 is none. The request id of a followed recommendation is the first value
-- starting req_ among the custom dimensions of MATOMO_REQUEST_DIMENSIONS; the one in the URL is added in pages.
-- key: action_row_id
-- column is_page_view: Whether a page was viewed: no event, content impression or interaction, download, outlink or site search.
with
typed as (
    select
        whole_number(idlink_va) as action_row_id,
        whole_number(idvisit) as visit_id,
        matomo_time(server_time) as viewed_at,
        whole_number(idaction_url) as url_action_id,
        whole_number(idaction_name) as name_action_id,
        nullif(whole_number(idaction_url_ref), 0) as referrer_action_id,
        nullif(whole_number(idaction_product_sku), 0) as sku_action_id,
        small_number(pageview_position) as pageview_position,
        dimension_request_id(
            custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5
        ) as dimension_request_id,
        try_cast(nullif(regexp_extract(custom_dimension_5, '^click_(\d+)_\d+$', 1), '') as integer) as click_position,
        try_cast(nullif(regexp_extract(custom_dimension_5, '^click_\d+_(\d+)$', 1), '') as bigint) as click_dataset_id,
        coalesce(greatest(whole_number(idaction_event_category), whole_number(idaction_event_action)), 0) > 0 as is_event,
        coalesce(greatest(
            whole_number(idaction_content_name), whole_number(idaction_content_piece), whole_number(idaction_content_target),
            whole_number(idaction_content_interaction)
        ), 0) > 0 as is_content
    from raw.matomo_log_link_visit_action
),

other_actions as (
    -- outlinks, downloads and searches, as Matomo numbers them
    select action_id
    from stg_action
    where action_type in (2, 3, 8)
)

select
    typed.action_row_id,
    typed.visit_id,
    typed.viewed_at,
    typed.url_action_id,
    typed.referrer_action_id,
    typed.sku_action_id,
    typed.pageview_position,
    typed.dimension_request_id,
    typed.click_position,
    typed.click_dataset_id,
    typed.is_event,
    not typed.is_event and not typed.is_content and by_url.action_id is null and by_name.action_id is null as is_page_view
from typed
left join other_actions as by_url on by_url.action_id = typed.url_action_id
left join other_actions as by_name on by_name.action_id = typed.name_action_id
where typed.action_row_id is not null

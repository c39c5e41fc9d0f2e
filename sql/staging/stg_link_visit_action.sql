-- description: One row per Matomo page action of the sites that count, typed; an action 0 is none. The request id of a followed
-- recommendation is the first value starting req_ among the custom dimensions of MATOMO_REQUEST_DIMENSIONS; the one in the URL is
-- added in pages.
-- key: action_row_id
-- column is_event: Whether it is an event.
-- column is_interaction: Whether it is an interaction with a content, such as a click on it; an impression is none.
-- column is_page_view: Whether a page was viewed: no event, content impression or interaction, download, outlink or site search.
with
typed as (
    select
        whole_number(idlink_va) as action_row_id,
        whole_number(idvisit) as visit_id,
        matomo_time(server_time) as viewed_at,
        nullif(whole_number(idaction_url), 0) as url_action_id,
        nullif(whole_number(idaction_name), 0) as name_action_id,
        nullif(whole_number(idaction_url_ref), 0) as referrer_action_id,
        nullif(whole_number(idaction_product_sku), 0) as sku_action_id,
        nullif(whole_number(idaction_event_category), 0) as event_category_id,
        nullif(whole_number(idaction_event_action), 0) as event_action_id,
        nullif(whole_number(idaction_content_target), 0) as content_target_id,
        coalesce(whole_number(idaction_content_interaction), 0) > 0 as is_interaction,
        coalesce(greatest(whole_number(idaction_content_name), whole_number(idaction_content_piece)), 0) > 0 as has_content,
        small_number(pageview_position) as pageview_position,
        dimension_request_id(
            custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5
        ) as dimension_request_id,
        dimension_click(
            custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5
        ) as dimension_click
    from raw.matomo_log_link_visit_action
    where is_counted_site(idsite)
),

other_actions as (
    -- outlinks, downloads, searches, words of events and contents, as Matomo numbers them
    select action_id
    from stg_action
    where action_type in (2, 3, 8, 10, 11, 12, 13, 14, 15, 16)
)

select
    typed.action_row_id,
    typed.visit_id,
    typed.viewed_at,
    typed.url_action_id,
    typed.name_action_id,
    typed.referrer_action_id,
    typed.sku_action_id,
    typed.event_category_id,
    typed.event_action_id,
    typed.content_target_id,
    typed.pageview_position,
    typed.dimension_request_id,
    try_cast(split_part(typed.dimension_click, '_', 2) as integer) as click_position,
    try_cast(split_part(typed.dimension_click, '_', 3) as bigint) as click_dataset_id,
    typed.event_category_id is not null or typed.event_action_id is not null as is_event,
    typed.is_interaction,
    typed.event_category_id is null
    and typed.event_action_id is null
    and not typed.is_interaction
    and not typed.has_content
    and typed.content_target_id is null
    and by_url.action_id is null
    and by_name.action_id is null as is_page_view
from typed
left join other_actions as by_url on by_url.action_id = typed.url_action_id
left join other_actions as by_name on by_name.action_id = typed.name_action_id
where typed.action_row_id is not null

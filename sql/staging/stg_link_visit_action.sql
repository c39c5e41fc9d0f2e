-- description: One row per Matomo page action, typed; an action 0 is none. The request id of a followed recommendation is the first value
-- starting req_ among the custom dimensions of MATOMO_REQUEST_DIMENSIONS; the one in the URL is added in pages.
-- key: action_row_id
select
    try_cast(idlink_va as bigint) as action_row_id,
    try_cast(idvisit as bigint) as visit_id,
    try_cast(server_time as timestamp) as viewed_at,
    try_cast(idaction_url as bigint) as url_action_id,
    nullif(try_cast(idaction_url_ref as bigint), 0) as referrer_action_id,
    nullif(try_cast(idaction_product_sku as bigint), 0) as sku_action_id,
    try_cast(pageview_position as integer) as pageview_position,
    dimension_request_id(
        custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5
    ) as dimension_request_id,
    try_cast(nullif(regexp_extract(custom_dimension_5, '^click_(\d+)_\d+$', 1), '') as integer) as click_position,
    try_cast(nullif(regexp_extract(custom_dimension_5, '^click_\d+_(\d+)$', 1), '') as bigint) as click_dataset_id
from raw.matomo_log_link_visit_action
where try_cast(idlink_va as bigint) is not null

-- description: One row per Matomo conversion, typed.
-- key: visit_id, goal_id, buster
select
    try_cast(idvisit as bigint) as visit_id,
    coalesce(try_cast(idgoal as integer), 0) as goal_id,
    buster,
    try_cast(server_time as timestamp) as converted_at,
    nullif(trim(idorder), '') as order_ref,
    money(revenue) as revenue,
    try_cast(nullif(regexp_extract(url, '(?:data(?:API)?Detail|payment)/(\d+)', 1), '') as bigint) as url_dataset_id,
    try_cast(idaction_url as bigint) as url_action_id,
    try_cast(idlink_va as bigint) as action_row_id,
    dimension_request_id(
        custom_dimension_1, custom_dimension_2, custom_dimension_3, custom_dimension_4, custom_dimension_5
    ) as dimension_request_id
from raw.matomo_log_conversion
where try_cast(idvisit as bigint) is not null

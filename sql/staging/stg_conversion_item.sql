-- description: One row per item of a Matomo conversion, typed, deleted items left out.
-- key: visit_id, order_ref, sku_action_id
select
    try_cast(idvisit as bigint) as visit_id,
    trim(idorder) as order_ref,
    try_cast(idaction_sku as bigint) as sku_action_id,
    money(price) as price,
    try_cast(quantity as integer) as quantity,
    try_cast(server_time as timestamp) as converted_at
from raw.matomo_log_conversion_item
where try_cast(idvisit as bigint) is not null
    and flag(deleted) = 0

-- description: One row per item of a Matomo conversion, typed, deleted items left out, and those of which that is not clear.
-- key: visit_id, order_ref, sku_action_id
select
    whole_number(idvisit) as visit_id,
    text_of(idorder) as order_ref,
    whole_number(idaction_sku) as sku_action_id,
    money(price) as price,
    small_number(quantity) as quantity,
    matomo_time(server_time) as converted_at
from raw.matomo_log_conversion_item
where whole_number(idvisit) is not null
    and text_of(idorder) is not null
    and not coalesce(flag(deleted), flag_text(deleted) is not null)

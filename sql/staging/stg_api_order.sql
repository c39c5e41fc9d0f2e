-- description: One row per order of a dataset's API, typed, times in UTC.
-- key: api_order_id
select
    whole_number(id) as api_order_id,
    whole_number(api_id) as dataset_id,
    whole_number(creator_id) as user_id,
    money(price) as price,
    money(api_price) as api_price,
    business_time(create_time) as created_at,
    business_time(pay_time) as paid_at,
    business_time(update_time) as updated_at
from raw.api_order
where whole_number(id) is not null

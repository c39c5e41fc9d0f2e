-- description: One row per order of a dataset's API, typed, times in UTC.
-- key: api_order_id
select
    try_cast(id as bigint) as api_order_id,
    try_cast(api_id as bigint) as dataset_id,
    try_cast(creator_id as bigint) as user_id,
    money(price) as price,
    money(api_price) as api_price,
    business_time(create_time) as created_at,
    business_time(pay_time) as paid_at,
    business_time(update_time) as updated_at
from raw.api_order
where try_cast(id as bigint) is not null

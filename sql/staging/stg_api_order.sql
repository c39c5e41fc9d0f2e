-- description: One row per order of a dataset's API, typed, times in UTC.
-- key: api_order_id
select
    try_cast(id as bigint) as api_order_id,
    try_cast(api_id as bigint) as dataset_id,
    try_cast(creator_id as bigint) as user_id,
    cast(try_cast(price as decimal(18, 4)) as double) as price,
    cast(try_cast(api_price as decimal(18, 4)) as double) as api_price,
    timezone('UTC', timezone(getvariable('business_timezone'), try_cast(create_time as timestamp))) as created_at,
    timezone('UTC', timezone(getvariable('business_timezone'), try_cast(pay_time as timestamp))) as paid_at,
    timezone('UTC', timezone(getvariable('business_timezone'), try_cast(update_time as timestamp))) as updated_at
from raw.api_order
where try_cast(id as bigint) is not null

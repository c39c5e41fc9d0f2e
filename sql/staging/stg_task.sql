-- description: One row per order of a dataset, typed, times in UTC.
-- key: task_id
select
    try_cast(id as bigint) as task_id,
    try_cast(dataset_id as bigint) as dataset_id,
    try_cast(create_user as bigint) as user_id,
    cast(try_cast(price as decimal(18, 4)) as double) as price,
    timezone('UTC', timezone(getvariable('business_timezone'), try_cast(create_time as timestamp))) as created_at,
    timezone('UTC', timezone(getvariable('business_timezone'), try_cast(update_time as timestamp))) as updated_at
from raw.task
where try_cast(id as bigint) is not null

-- description: One row per order of a dataset, typed, times in UTC.
-- key: task_id
select
    try_cast(id as bigint) as task_id,
    try_cast(dataset_id as bigint) as dataset_id,
    try_cast(create_user as bigint) as user_id,
    money(price) as price,
    business_time(create_time) as created_at,
    business_time(update_time) as updated_at
from raw.task
where try_cast(id as bigint) is not null

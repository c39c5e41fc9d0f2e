-- description: One row per order of a dataset, typed, times in UTC.
-- key: task_id
select
    whole_number(id) as task_id,
    whole_number(dataset_id) as dataset_id,
    whole_number(create_user) as user_id,
    money(price) as price,
    business_time(create_time) as created_at,
    business_time(update_time) as updated_at
from raw.task
where whole_number(id) is not null

-- description: Users by what Matomo may call them: what the column of user that MATOMO_USER_COLUMN names holds. Nothing without it.
-- key: user_name
-- column user_name: The name, in lower case.
-- column user_id: The user of that name; NULL where several have it.
-- column users: How many have it.
select
    matomo_name as user_name,
    case when count(*) = 1 then min(user_id) end as user_id,
    count(*) as users
from stg_user
where matomo_name is not null
    and is_past(created_at)
group by matomo_name

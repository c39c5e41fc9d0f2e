-- description: One row per user as the marketplace keeps it, typed, times in UTC.
-- key: user_id
select
    try_cast(id as bigint) as user_id,
    nullif(trim(company_name), '') as company_name,
    nullif(trim(province), '') as province,
    nullif(trim(city), '') as city,
    flag(is_consumption) = 1 as is_consumption,
    business_time(create_time) as created_at,
    business_time(last_login_time) as last_login_at,
    business_time(update_time) as updated_at
from raw.user
where try_cast(id as bigint) is not null

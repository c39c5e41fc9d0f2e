-- description: One row per user as the marketplace keeps it, typed, times in UTC.
-- key: user_id
select
    try_cast(id as bigint) as user_id,
    nullif(trim(company_name), '') as company_name,
    nullif(trim(province), '') as province,
    nullif(trim(city), '') as city,
    coalesce(try_cast(is_consumption as integer), cast(try_cast(is_consumption as boolean) as integer), 0) = 1 as is_consumption,
    timezone('UTC', timezone(getvariable('business_timezone'), try_cast(create_time as timestamp))) as created_at,
    timezone('UTC', timezone(getvariable('business_timezone'), try_cast(last_login_time as timestamp))) as last_login_at,
    timezone('UTC', timezone(getvariable('business_timezone'), try_cast(update_time as timestamp))) as updated_at
from raw.user
where try_cast(id as bigint) is not null

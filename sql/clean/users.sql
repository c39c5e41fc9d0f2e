-- description: Users after the business rules: times in the future taken as unknown.
-- key: user_id
select
    user_id,
    company_name,
    province,
    city,
    is_consumption,
    case when created_at <= getvariable('as_of') then created_at end as created_at,
    case when last_login_at <= getvariable('as_of') then last_login_at end as last_login_at
from stg_user

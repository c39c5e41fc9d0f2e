-- description: One row per user as the marketplace keeps it, typed, times in UTC.
-- key: user_id
select
    whole_number(id) as user_id,
    words(company_name) as company_name,
    words(province) as province,
    words(city) as city,
    case when text_of(is_consumption) is null then false else flag(is_consumption) end as is_consumption,
    business_time(create_time) as created_at,
    business_time(last_login_time) as last_login_at,
    business_time(update_time) as updated_at
from raw.user
where whole_number(id) is not null

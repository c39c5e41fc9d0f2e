-- description: Users that there were by as_of; a later time of theirs is taken as unknown.
-- key: user_id
-- column user_id: The user.
-- column company_name: The user's company.
-- column province: The user's province.
-- column city: The user's city.
-- column is_consumption: Whether the marketplace marks the user as a buyer.
-- column created_at: When the account was made, UTC.
-- column last_login_at: The last login, UTC.
select
    user_id,
    company_name,
    province,
    city,
    is_consumption,
    created_at,
    if_past(last_login_at) as last_login_at
from stg_user
where is_past(created_at)

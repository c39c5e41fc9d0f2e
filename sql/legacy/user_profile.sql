-- description: The old system's users. What they did is in user_features_v2.
-- key: user_id
-- export: parquet
-- column user_id: The user.
-- column company_name: The user's company; unknown where it is.
-- column province: The user's province; unknown where it is.
-- column city: The user's city; unknown where it is.
-- column is_consumption: 1 where the marketplace marks the user as a buyer, else 0.
select
    user_id,
    coalesce(company_name, 'unknown') as company_name,
    coalesce(province, 'unknown') as province,
    coalesce(city, 'unknown') as city,
    cast(coalesce(is_consumption, false) as integer) as is_consumption
from users

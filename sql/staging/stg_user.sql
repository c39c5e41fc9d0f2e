-- description: One row per user as the marketplace keeps it, typed, times in UTC.
-- key: user_id
-- column matomo_name: What MATOMO_USER_COLUMN holds, in lower case; NULL without that setting.
select
    whole_number(user_row.id) as user_id,
    words(user_row.company_name) as company_name,
    words(user_row.province) as province,
    words(user_row.city) as city,
    case when flag_text(user_row.is_consumption) is null then false else flag(user_row.is_consumption) end as is_consumption,
    business_time(user_row.create_time) as created_at,
    business_time(user_row.last_login_time) as last_login_at,
    business_time(user_row.update_time) as updated_at,
    case
        when getvariable('matomo_user_column') is not null
            then lower(text_of(to_json(user_row) ->> list_filter(
                    json_keys(to_json(user_row)), lambda column_name: lower(column_name) = getvariable('matomo_user_column')
                )[1]))
    end as matomo_name
from raw.user as user_row
where whole_number(user_row.id) >= 0

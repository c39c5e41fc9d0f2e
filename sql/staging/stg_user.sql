-- description: One row per user as the marketplace keeps it, typed, times in UTC.
-- key: user_id
-- column matomo_name: What MATOMO_USER_COLUMN holds, in lower case; NULL without that setting.
select
    whole_number(source.id) as user_id,
    words(source.company_name) as company_name,
    words(source.province) as province,
    words(source.city) as city,
    case when flag_text(source.is_consumption) is null then false else flag(source.is_consumption) end as is_consumption,
    business_time(source.create_time) as created_at,
    business_time(source.last_login_time) as last_login_at,
    business_time(source.update_time) as updated_at,
    case
        when getvariable('matomo_user_column') is not null
            then lower(text_of(to_json(source) ->> list_filter(
                    json_keys(to_json(source)), lambda column_name: lower(column_name) = getvariable('matomo_user_column')
                )[1]))
    end as matomo_name
from raw.user as source
where whole_number(source.id) >= 0

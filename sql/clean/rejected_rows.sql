-- description: Every row that was dropped, and every value that was set aside, with the reason and where it came from.
-- chart: bar x=reason y=count
with
found as (
    select 'dataset' as source_table, id as source_key, 'price_not_a_number' as reason, 'price' as column_name, price as value,
        'repaired' as outcome, _file, _row
    from raw.dataset
    where trim(price) <> '' and try_cast(price as decimal(18, 4)) is null
    union all
    select 'dataset', id, 'negative_price', 'price', price, 'repaired', _file, _row
    from raw.dataset
    where try_cast(price as decimal(18, 4)) < 0
    union all
    select 'dataset', id, 'future_update_time', 'update_time', update_time, 'repaired', _file, _row
    from raw.dataset
    where timezone('UTC', timezone(getvariable('business_timezone'), try_cast(update_time as timestamp))) > getvariable('as_of')
    union all
    select 'dataset', id, 'odd_tags', 'tag', tag, 'repaired', _file, _row
    from raw.dataset
    where regexp_matches(tag, '[；，,、|]')
    union all
    select 'dataset', id, 'nameless', 'dataset_name', dataset_name, 'unlisted', _file, _row
    from raw.dataset
    where coalesce(trim(dataset_name), '') = ''
    union all
    select 'dataset', id, 'id_not_a_number', 'id', id, 'dropped', _file, _row
    from raw.dataset
    where try_cast(id as bigint) is null
    union all
    select 'user', id, 'id_not_a_number', 'id', id, 'dropped', _file, _row
    from raw.user
    where try_cast(id as bigint) is null
    union all
    select 'user', id, 'future_create_time', 'create_time', create_time, 'repaired', _file, _row
    from raw.user
    where timezone('UTC', timezone(getvariable('business_timezone'), try_cast(create_time as timestamp))) > getvariable('as_of')
    union all
    select 'task', id, 'price_not_a_number', 'price', price, 'repaired', _file, _row
    from raw.task
    where trim(price) <> '' and try_cast(price as decimal(18, 4)) is null
    union all
    select 'task', id, 'negative_price', 'price', price, 'repaired', _file, _row
    from raw.task
    where try_cast(price as decimal(18, 4)) < 0
    union all
    select 'task', id, 'dataset_id_not_a_number', 'dataset_id', dataset_id, 'dropped', _file, _row
    from raw.task
    where try_cast(dataset_id as bigint) is null
    union all
    select 'task', id, 'create_time_not_a_time', 'create_time', create_time, 'dropped', _file, _row
    from raw.task
    where try_cast(create_time as timestamp) is null
    union all
    select 'task', id, 'id_not_a_number', 'id', id, 'dropped', _file, _row
    from raw.task
    where try_cast(id as bigint) is null
    union all
    select 'api_order', id, 'price_not_a_number', 'price', coalesce(price, api_price), 'repaired', _file, _row
    from raw.api_order
    where trim(coalesce(price, api_price)) <> '' and try_cast(coalesce(price, api_price) as decimal(18, 4)) is null
    union all
    select 'api_order', id, 'negative_price', 'price', price, 'repaired', _file, _row
    from raw.api_order
    where try_cast(coalesce(price, api_price) as decimal(18, 4)) < 0
    union all
    select 'api_order', id, 'dataset_id_not_a_number', 'api_id', api_id, 'dropped', _file, _row
    from raw.api_order
    where try_cast(api_id as bigint) is null
    union all
    select 'api_order', id, 'create_time_not_a_time', 'create_time', create_time, 'dropped', _file, _row
    from raw.api_order
    where try_cast(create_time as timestamp) is null
    union all
    select 'api_order', id, 'id_not_a_number', 'id', id, 'dropped', _file, _row
    from raw.api_order
    where try_cast(id as bigint) is null
    union all
    select 'dataset_image', id, 'no_image_url', 'image_url', image_url, 'dropped', _file, _row
    from raw.dataset_image
    where coalesce(trim(image_url), '') = ''
    union all
    select 'dataset_image', id, 'image_url_not_a_path', 'image_url', image_url, 'dropped', _file, _row
    from raw.dataset_image
    where trim(image_url) <> ''
        and not regexp_matches(trim(image_url), '(?i)^(https?://|[/\\]?[^/\\:?#[:cntrl:]]+([/\\?#]|$))[^[:cntrl:]]*$')
    union all
    select 'matomo_log_visit', idvisit, 'bot_visit', 'visit_total_actions', cast(visits.actions as varchar), 'dropped', _file, _row
    from raw.matomo_log_visit
    inner join visits on visits.visit_id = try_cast(idvisit as bigint)
    where visits.is_bot
    union all
    select 'matomo_log_visit', idvisit, 'idvisit_not_a_number', 'idvisit', idvisit, 'dropped', _file, _row
    from raw.matomo_log_visit
    where try_cast(idvisit as bigint) is null
    union all
    select 'matomo_log_link_visit_action', idlink_va, 'server_time_not_a_time', 'server_time', server_time, 'dropped', _file, _row
    from raw.matomo_log_link_visit_action
    where try_cast(server_time as timestamp) is null
    union all
    select 'matomo_log_link_visit_action', idlink_va, 'idlink_va_not_a_number', 'idlink_va', idlink_va, 'dropped', _file, _row
    from raw.matomo_log_link_visit_action
    where try_cast(idlink_va as bigint) is null
    union all
    select 'matomo_log_conversion', idvisit, 'server_time_not_a_time', 'server_time', server_time, 'dropped', _file, _row
    from raw.matomo_log_conversion
    where try_cast(server_time as timestamp) is null
)

select source_table, source_key, reason, column_name, value, outcome, _file as file, _row as row_number, cast(null as varchar) as row_json
from found
union all
select source_table, source_key, reason, column_name, value, outcome, file, row_number, row_json
from raw.rejected

-- description: Every row that was dropped, and every value that was set aside, with the reason and where it came from; and
-- the rows whose time is later than the run's (not_yet), which count once it has come.
-- chart: bar x=reason y=count
-- column source_table: The source table.
-- column source_key: The key of the row there.
-- column reason: What was wrong.
-- column column_name: Where.
-- column value: What stood there.
-- column outcome: dropped, repaired (the value was set aside), unlisted, superseded or not_yet (its time is later than the run).
-- column file: The file it came from.
-- column row_number: Its row in the file.
-- column row_json: The whole row, where it could not be stored.
with
found as (
    select
        'dataset' as source_table, id as source_key, 'price_not_a_number' as reason, 'price' as column_name, price as value,
        'repaired' as outcome, _file, _row
    from raw.dataset
    where trim(price) <> '' and money(price) is null
    union all
    select 'dataset', id, 'negative_price', 'price', price, 'repaired', _file, _row
    from raw.dataset
    where money(price) < 0
    union all
    select 'dataset', id, 'future_update_time', 'update_time', update_time, 'repaired', _file, _row
    from raw.dataset
    where business_time(update_time) > getvariable('as_of')
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
    select 'task', id, 'price_not_a_number', 'price', price, 'repaired', _file, _row
    from raw.task
    where trim(price) <> '' and money(price) is null
    union all
    select 'task', id, 'negative_price', 'price', price, 'repaired', _file, _row
    from raw.task
    where money(price) < 0
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
    where trim(coalesce(price, api_price)) <> '' and money(coalesce(price, api_price)) is null
    union all
    select 'api_order', id, 'negative_price', 'price', price, 'repaired', _file, _row
    from raw.api_order
    where money(coalesce(price, api_price)) < 0
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
        and not is_image_path(trim(image_url))
    union all
    select
        'matomo_log_visit', source.idvisit, 'bot_visit', 'visit_total_actions', cast(visits.actions as varchar), 'dropped',
        source._file, source._row
    from raw.matomo_log_visit as source
    inner join visits on visits.visit_id = try_cast(source.idvisit as bigint)
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
    union all
    select 'user', id, 'future_create_time', 'create_time', create_time, 'not_yet', _file, _row
    from raw.user
    where not is_past(business_time(create_time))
    union all
    select 'dataset', id, 'future_create_time', 'create_time', create_time, 'not_yet', _file, _row
    from raw.dataset
    where not is_past(business_time(create_time))
    union all
    select 'dataset_image', id, 'future_create_time', 'create_time', create_time, 'not_yet', _file, _row
    from raw.dataset_image
    where not is_past(business_time(create_time))
    union all
    select 'task', id, 'future_create_time', 'create_time', create_time, 'not_yet', _file, _row
    from raw.task
    where not is_past(business_time(create_time))
    union all
    select 'api_order', id, 'future_create_time', 'create_time', create_time, 'not_yet', _file, _row
    from raw.api_order
    where not is_past(business_time(create_time))
    union all
    select
        'matomo_log_visit', idvisit, 'future_visit_first_action_time', 'visit_first_action_time', visit_first_action_time, 'not_yet',
        _file, _row
    from raw.matomo_log_visit
    where not is_past(try_cast(visit_first_action_time as timestamp))
    union all
    select 'matomo_log_conversion_item', idvisit, 'future_server_time', 'server_time', server_time, 'not_yet', _file, _row
    from raw.matomo_log_conversion_item
    where not is_past(try_cast(server_time as timestamp))
    union all
    select 'matomo_log_link_visit_action', idlink_va, 'future_server_time', 'server_time', server_time, 'not_yet', _file, _row
    from raw.matomo_log_link_visit_action
    where not is_past(try_cast(server_time as timestamp))
    union all
    select 'matomo_log_conversion', idvisit, 'future_server_time', 'server_time', server_time, 'not_yet', _file, _row
    from raw.matomo_log_conversion
    where not is_past(try_cast(server_time as timestamp))
    union all
    select 'exposure_log', request_id, 'future_timestamp', 'timestamp', cast(shown_at as varchar), 'not_yet', null, null
    from stg_exposure
    where not is_past(shown_at)
    union all
    select 'exposure_log', request_id, 'no_visitor', 'context.purpose', purpose, 'dropped', null, null
    from stg_exposure
    where purpose is not null
)

select source_table, source_key, reason, column_name, value, outcome, _file as file, _row as row_number, cast(null as varchar) as row_json
from found
union all
select source_table, source_key, reason, column_name, value, outcome, file, row_number, row_json
from raw.rejected

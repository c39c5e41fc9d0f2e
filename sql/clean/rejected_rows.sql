-- description: Every row that was dropped, and every value that was set aside, with the reason and where it came from; and
-- the rows whose time is later than the run's (not_yet), which count once it has come.
-- chart: table
-- column source_table: The source table.
-- column source_key: The key of the row there.
-- column reason: What was wrong.
-- column column_name: Where.
-- column value: What stood there.
-- column outcome: dropped, repaired (the value was set aside), unlisted, superseded, not_yet (its time is later than the run) or excluded
-- (by exclude.toml; the row is kept, and counts nowhere).
-- column file: The file it came from.
-- column row_number: Its row in the file.
-- column row_json: The whole row, where it could not be stored.
with
read as (
    select
        'user' as source_table, id as source_key, _file, _row,
        [
            needed('id', 'number', id, whole_number(id)),
            fault('negative_id', 'id', id, whole_number(id) < 0, 'dropped'),
            unread('create_time', 'time', create_time, business_time(create_time), 'repaired'),
            unread('last_login_time', 'time', last_login_time, business_time(last_login_time), 'repaired'),
            unread('update_time', 'time', update_time, business_time(update_time), 'repaired'),
            unread('is_consumption', 'flag', is_consumption, flag(is_consumption), 'repaired'),
            fault('company_name_not_a_text', 'company_name', company_name, is_other_json(company_name), 'repaired'),
            fault('province_not_a_text', 'province', province, is_other_json(province), 'repaired'),
            fault('city_not_a_text', 'city', city, is_other_json(city), 'repaired'),
            not_yet('create_time', create_time, business_time(create_time))
        ] as faults
    from raw.user
    union all
    select
        'dataset' as source_table, id as source_key, _file, _row,
        [
            needed('id', 'number', id, whole_number(id)),
            fault('negative_id', 'id', id, whole_number(id) < 0, 'dropped'),
            fault('dataset_name_not_a_text', 'dataset_name', dataset_name, is_other_json(dataset_name), 'unlisted'),
            fault(
                'nameless',
                'dataset_name',
                dataset_name,
                words(dataset_name) is null and not is_other_json(dataset_name),
                'unlisted'
            ),
            fault('description_not_a_text', 'description', description, is_other_json(description), 'repaired'),
            fault('odd_tags', 'tag', tag, has_odd_tags(tag), 'repaired'),
            unread('price', 'number', price, money(price), 'repaired'),
            fault('negative_price', 'price', price, money(price) < 0, 'repaired'),
            fault(
                'create_company_name_not_a_text', 'create_company_name', create_company_name, is_other_json(create_company_name), 'repaired'
            ),
            unread('is_delete', 'flag', is_delete, flag(is_delete), 'unlisted'),
            unread('cover_id', 'number', cover_id, whole_number(cover_id), 'repaired'),
            unread('create_time', 'time', create_time, business_time(create_time), 'repaired'),
            unread('update_time', 'time', update_time, business_time(update_time), 'repaired'),
            fault('future_update_time', 'update_time', update_time, business_time(update_time) > getvariable('as_of'), 'repaired'),
            not_yet('create_time', create_time, business_time(create_time))
        ] as faults
    from raw.dataset
    union all
    select
        'task' as source_table, id as source_key, _file, _row,
        [
            needed('id', 'number', id, whole_number(id)),
            needed('dataset_id', 'number', dataset_id, whole_number(dataset_id)),
            unread('create_user', 'number', create_user, whole_number(create_user), 'repaired'),
            needed('create_time', 'time', create_time, business_time(create_time)),
            unread('price', 'number', price, money(price), 'repaired'),
            fault('negative_price', 'price', price, money(price) < 0, 'repaired'),
            unread('update_time', 'time', update_time, business_time(update_time), 'repaired'),
            not_yet('create_time', create_time, business_time(create_time))
        ] as faults
    from raw.task
    union all
    select
        'api_order' as source_table, id as source_key, _file, _row,
        [
            needed('id', 'number', id, whole_number(id)),
            fault('dataset_id_not_a_number', 'api_id', api_id, whole_number(api_id) is null, 'dropped'),
            unread('creator_id', 'number', creator_id, whole_number(creator_id), 'repaired'),
            needed('create_time', 'time', create_time, business_time(create_time)),
            unread('price', 'number', price, money(price), 'repaired'),
            unread('api_price', 'number', api_price, money(api_price), 'repaired'),
            fault('negative_price', 'price', coalesce(price, api_price), coalesce(money(price), money(api_price)) < 0, 'repaired'),
            unread('update_time', 'time', update_time, business_time(update_time), 'repaired'),
            unread('pay_time', 'time', pay_time, business_time(pay_time), 'repaired'),
            not_yet('create_time', create_time, business_time(create_time))
        ] as faults
    from raw.api_order
    union all
    select
        'dataset_image' as source_table, id as source_key, _file, _row,
        [
            needed('id', 'number', id, whole_number(id)),
            needed('dataset_id', 'number', dataset_id, whole_number(dataset_id)),
            fault('no_image_url', 'image_url', image_url, text_of(image_url) is null, 'dropped'),
            fault('image_url_not_a_path', 'image_url', image_url, not is_image_path(text_of(image_url)), 'dropped'),
            unread('image_order', 'number', image_order, small_number(image_order), 'repaired'),
            unread('create_time', 'time', create_time, business_time(create_time), 'repaired'),
            unread('update_time', 'time', update_time, business_time(update_time), 'repaired'),
            not_yet('create_time', create_time, business_time(create_time))
        ] as faults
    from raw.dataset_image
    union all
    select
        'matomo_log_action' as source_table, idaction as source_key, _file, _row,
        [
            needed('idaction', 'number', idaction, whole_number(idaction)),
            unread('type', 'number', type, small_number(type), 'repaired')
        ] as faults
    from raw.matomo_log_action
    union all
    select
        'matomo_log_visit' as source_table, idvisit as source_key, _file, _row,
        [
            needed('idvisit', 'number', idvisit, whole_number(idvisit)),
            unread('idsite', 'number', idsite, small_number(idsite), 'repaired'),
            case
                when getvariable('matomo_user_column') is null
                    then unread('user_id', 'number', user_id, whole_number(user_id), 'repaired')
            end,
            unread('visit_first_action_time', 'time', visit_first_action_time, matomo_time(visit_first_action_time), 'repaired'),
            unread('visit_last_action_time', 'time', visit_last_action_time, matomo_time(visit_last_action_time), 'repaired'),
            unread('visit_total_actions', 'number', visit_total_actions, small_number(visit_total_actions), 'repaired'),
            unread('visit_total_time', 'number', visit_total_time, small_number(visit_total_time), 'repaired'),
            not_yet('visit_first_action_time', visit_first_action_time, matomo_time(visit_first_action_time))
        ] as faults
    from raw.matomo_log_visit
    where is_counted_site(idsite)
    union all
    select
        'matomo_log_link_visit_action' as source_table, idlink_va as source_key, _file, _row,
        [
            needed('idlink_va', 'number', idlink_va, whole_number(idlink_va)),
            needed('idvisit', 'number', idvisit, whole_number(idvisit)),
            needed('server_time', 'time', server_time, matomo_time(server_time)),
            unread('idaction_url', 'number', idaction_url, whole_number(idaction_url), 'repaired'),
            unread('idaction_name', 'number', idaction_name, whole_number(idaction_name), 'repaired'),
            unread('idaction_url_ref', 'number', idaction_url_ref, whole_number(idaction_url_ref), 'repaired'),
            unread('idaction_product_sku', 'number', idaction_product_sku, whole_number(idaction_product_sku), 'repaired'),
            unread('pageview_position', 'number', pageview_position, small_number(pageview_position), 'repaired'),
            unread('idaction_event_category', 'number', idaction_event_category, whole_number(idaction_event_category), 'repaired'),
            unread('idaction_event_action', 'number', idaction_event_action, whole_number(idaction_event_action), 'repaired'),
            unread('idaction_content_name', 'number', idaction_content_name, whole_number(idaction_content_name), 'repaired'),
            unread('idaction_content_piece', 'number', idaction_content_piece, whole_number(idaction_content_piece), 'repaired'),
            unread('idaction_content_target', 'number', idaction_content_target, whole_number(idaction_content_target), 'repaired'),
            unread(
                'idaction_content_interaction',
                'number',
                idaction_content_interaction,
                whole_number(idaction_content_interaction),
                'repaired'
            ),
            not_yet('server_time', server_time, matomo_time(server_time))
        ] as faults
    from raw.matomo_log_link_visit_action
    where is_counted_site(idsite)
    union all
    select
        'matomo_log_conversion' as source_table, idvisit as source_key, _file, _row,
        [
            needed('idvisit', 'number', idvisit, whole_number(idvisit)),
            unread('idgoal', 'number', idgoal, small_number(idgoal), 'dropped'),
            needed('server_time', 'time', server_time, matomo_time(server_time)),
            unread('revenue', 'number', revenue, money(revenue), 'repaired'),
            unread('idaction_url', 'number', idaction_url, whole_number(idaction_url), 'repaired'),
            unread('idlink_va', 'number', idlink_va, whole_number(idlink_va), 'repaired'),
            not_yet('server_time', server_time, matomo_time(server_time))
        ] as faults
    from raw.matomo_log_conversion
    where is_counted_site(idsite)
    union all
    select
        'matomo_log_conversion_item' as source_table, idvisit as source_key, _file, _row,
        [
            needed('idvisit', 'number', idvisit, whole_number(idvisit)),
            fault('idorder_missing', 'idorder', idorder, text_of(idorder) is null, 'dropped'),
            unread('idaction_sku', 'number', idaction_sku, whole_number(idaction_sku), 'repaired'),
            unread('price', 'number', price, money(price), 'repaired'),
            unread('quantity', 'number', quantity, small_number(quantity), 'repaired'),
            unread('deleted', 'flag', deleted, flag(deleted), 'dropped'),
            unread('server_time', 'time', server_time, matomo_time(server_time), 'repaired'),
            not_yet('server_time', server_time, matomo_time(server_time))
        ] as faults
    from raw.matomo_log_conversion_item
    union all
    select
        'matomo_log_visit', source.idvisit, source._file, source._row,
        [
            fault('bot_visit', 'visit_total_actions', visits.actions, visits.is_bot, 'dropped'),
            -- what Matomo calls the user is looked up in MATOMO_USER_COLUMN
            case
                when getvariable('matomo_user_column') is not null and visits.user_id is null
                    then fault(
                            case when user_names.users > 1 then 'user_id_not_unique' else 'user_id_not_known' end,
                            'user_id',
                            source.user_id,
                            text_of(source.user_id) is not null,
                            'repaired'
                        )
            end
        ]
    from raw.matomo_log_visit as source
    inner join visits on visits.visit_id = whole_number(source.idvisit)
    left join user_names on user_names.user_name = lower(text_of(source.user_id))
    where is_counted_site(source.idsite)
    union all
    select
        'exposure_log', request_id, null, null,
        [
            fault('future_timestamp', 'timestamp', shown_at, not is_past(shown_at), 'not_yet'),
            fault('no_visitor', 'context.purpose', purpose, purpose is not null, 'dropped')
        ]
    from stg_exposure
    union all
    select
        'exposure_log', request_id, null, null,
        [fault('excluded_' || rule, kind, value, true, 'excluded')]
    from excluded_lists
    union all
    select
        'matomo_log_visit', cast(visit_id as varchar), null, null,
        [fault('excluded_' || rule, kind, value, true, 'excluded')]
    from excluded_visits
    union all
    select
        case when order_ref like 'T%' then 'task' else 'api_order' end, substr(order_ref, 2), null, null,
        [fault('excluded_' || rule, kind, value, true, 'excluded')]
    from excluded_orders
    union all
    select
        'exposure_log', source.request_id, null, null,
        [fault('timestamp_not_a_time', 'timestamp', source.timestamp, true, 'dropped')]
    from raw.exposure_log as source
    inner join stg_exposure on stg_exposure.request_id = source.request_id
    where stg_exposure.shown_at is null
),

found as (
    select source_table, source_key, _file, _row, unnest(list_filter(faults, lambda fault: fault is not null)) as fault
    from read
)

select
    source_table,
    source_key,
    fault.reason,
    fault.column_name,
    fault.value,
    fault.outcome,
    _file as file,
    _row as row_number,
    cast(null as varchar) as row_json
from found
union all
select source_table, source_key, reason, column_name, value, outcome, file, row_number, row_json
from raw.rejected

-- description: What the columns of the sources hold now; data_quality_changes sets it beside the run before.
-- key: table_name, column_name
-- column table_name: source.table.
-- column column_name: The column, as the staged table has it.
-- column rows: Rows of the table.
-- column filled: Rows in which something stands.
-- column different: How many different values, about.
-- column lowest: The lowest value.
-- column highest: The highest value.
with
profiles as (
    select
        'business.user' as table_name,
        count(*) as rows,
        [
            profile('user_id', user_id), profile('company_name', company_name), profile('province', province), profile('city', city),
            profile('is_consumption', is_consumption), profile('created_at', created_at), profile('last_login_at', last_login_at)
        ] as columns
    from stg_user
    union all
    select
        'business.dataset',
        count(*),
        [
            profile('dataset_id', dataset_id), profile('title', title), profile('description', description),
            profile('tags', nullif(tags, [])), profile('price', price), profile('provider', provider),
            profile('is_deleted', is_deleted), profile('cover_id', cover_id), profile('created_at', created_at)
        ]
    from stg_dataset
    union all
    select
        'business.task',
        count(*),
        [
            profile('task_id', task_id), profile('dataset_id', dataset_id), profile('user_id', user_id), profile('price', price),
            profile('created_at', created_at)
        ]
    from stg_task
    union all
    select
        'business.api_order',
        count(*),
        [
            profile('api_order_id', api_order_id), profile('dataset_id', dataset_id), profile('user_id', user_id),
            profile('price', price), profile('api_price', api_price), profile('created_at', created_at), profile('paid_at', paid_at)
        ]
    from stg_api_order
    union all
    select
        'business.dataset_image',
        count(*),
        [
            profile('image_id', image_id), profile('dataset_id', dataset_id), profile('image_url', image_url),
            profile('created_at', created_at)
        ]
    from stg_dataset_image
    union all
    select
        'matomo.matomo_log_visit',
        count(*),
        [
            profile('visit_id', visit_id), profile('site_id', site_id), profile('visitor_id', visitor_id),
            profile('user_name', user_name), profile('first_action_at', first_action_at), profile('total_actions', total_actions)
        ]
    from stg_visit
    union all
    select
        'matomo.matomo_log_link_visit_action',
        count(*),
        [
            profile('action_row_id', action_row_id), profile('viewed_at', viewed_at), profile('url_action_id', url_action_id),
            profile('referrer_action_id', referrer_action_id), profile('dimension_request_id', dimension_request_id)
        ]
    from stg_link_visit_action
    union all
    select
        'matomo.matomo_log_conversion',
        count(*),
        [
            profile('visit_id', visit_id), profile('goal_id', goal_id), profile('order_ref', order_ref), profile('revenue', revenue),
            profile('converted_at', converted_at)
        ]
    from stg_conversion
    union all
    select
        'exposures.exposure_log',
        count(*),
        [
            profile('user_id', user_id), profile('visitor', visitor), profile('page_id', page_dataset_id),
            profile('algorithm_version', algorithm_version), profile('timestamp', shown_at)
        ]
    from stg_exposure
),

one_each as (
    select table_name, rows, unnest(columns) as profile
    from profiles
    where rows > 0
)

select
    table_name,
    profile.column_name,
    rows,
    profile.filled,
    profile.different,
    profile.lowest,
    profile.highest
from one_each

-- description: One row per shown item: the list it stood in, its position there (from 0), and who saw it when.
-- key: request_id, position
with
items as (
    select
        request_id,
        unnest(items) as item,
        generate_subscripts(items, 1) - 1 as position,
        user_id,
        page_dataset_id,
        algorithm_version,
        shown_at,
        endpoint,
        variant,
        experiment,
        experiment_variant,
        degrade_reason,
        explored_place,
        kept_propensity,
        explored_propensity
    from stg_exposure
    where shown_at is not null
)

select
    request_id,
    position,
    try_cast(item.dataset_id as bigint) as dataset_id,
    item.score as score,
    item.reason as reason,
    user_id,
    page_dataset_id,
    algorithm_version,
    shown_at,
    cast(timezone(getvariable('report_timezone'), timezone('UTC', shown_at)) as date) as day,
    endpoint,
    variant,
    experiment,
    experiment_variant,
    degrade_reason,
    -- with which probability it stood where it did; NULL where the list says nothing of it
    coalesce(position = explored_place, false) as is_explored,
    case when coalesce(position = explored_place, false) then explored_propensity else kept_propensity end as propensity
from items

-- description: Every order, of a dataset (T) and of an API (A), under the name Matomo knows it by; those among them that exclude.toml takes
-- out.
-- key: order_ref
-- column order_ref: The order as Matomo knows it: T or A and its id.
-- column order_kind: task (a dataset) or api_order (its API).
-- column dataset_id: The dataset.
-- column user_id: The known user; NULL where nobody was logged in.
-- column revenue: The price; NULL where it is unknown.
-- column ordered_at: When it was ordered, UTC.
-- column day: The day in REPORT_TIMEZONE.
with
all_orders as (
    select 'T' || task_id as order_ref, 'task' as order_kind, dataset_id, user_id, price, created_at
    from stg_task
    union all
    select 'A' || api_order_id, 'api_order', dataset_id, user_id, coalesce(price, api_price), created_at
    from stg_api_order
)

select
    order_ref,
    order_kind,
    dataset_id,
    user_id,
    case when price >= 0 then price end as revenue,
    created_at as ordered_at,
    report_day(created_at) as day
from all_orders
where dataset_id is not null
    and created_at is not null
    and is_past(created_at)

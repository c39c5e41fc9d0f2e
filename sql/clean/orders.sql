-- description: Every order that exclude.toml does not take out, of a dataset (T) and of an API (A), under the name Matomo knows it by.
-- key: order_ref
-- test not_null: order_ref
-- column order_ref: The order as Matomo knows it: T or A and its id.
-- column order_kind: task (a dataset) or api_order (its API).
-- column dataset_id: The dataset.
-- column user_id: The known user; NULL where nobody was logged in.
-- column revenue: The price; NULL where it is unknown.
-- column ordered_at: When it was ordered, UTC.
-- column day: The day in REPORT_TIMEZONE.
select
    order_ref,
    order_kind,
    dataset_id,
    user_id,
    revenue,
    ordered_at,
    day
from recorded_orders
where order_ref not in (select excluded_orders.order_ref from excluded_orders)

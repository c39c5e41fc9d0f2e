-- description: The old system's interactions: a row for each known user and dataset that the user ordered and that is not
-- deleted. The views of everybody are in interactions_v2.
-- key: user_id, dataset_id
-- export: parquet
-- column user_id: The user who ordered.
-- column dataset_id: The dataset, or that of the API.
-- column weight: Sum of ln(1 + price) over the orders.
-- column last_event_time: The latest order, UTC.
select
    orders.user_id,
    orders.dataset_id,
    -- decimals: the same sum in whatever order
    cast(sum(cast(ln(1 + coalesce(orders.revenue, 0)) as decimal(28, 9))) as double) as weight,
    max(orders.ordered_at) as last_event_time
from orders
inner join datasets on datasets.dataset_id = orders.dataset_id
where orders.user_id is not null
    and not datasets.is_deleted
group by orders.user_id, orders.dataset_id

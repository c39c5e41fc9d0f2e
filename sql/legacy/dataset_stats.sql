-- description: The old system's counts by dataset, of its interactions. What was seen, ordered and shown is in dataset_stats_v2.
-- key: dataset_id
-- export: parquet
-- column dataset_id: The dataset.
-- column interaction_count: Known users who ordered it.
-- column total_weight: Sum of the weights of their orders.
-- column last_event_time: The latest order, UTC.
select
    dataset_id,
    count(*) as interaction_count,
    cast(sum(cast(weight as decimal(28, 9))) as double) as total_weight,
    max(last_event_time) as last_event_time
from interactions
group by dataset_id

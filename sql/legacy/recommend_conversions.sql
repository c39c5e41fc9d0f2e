-- description: The old system's conversions: orders that a list earned (attributed_conversions).
-- key: order_ref
-- export: parquet
-- column dataset_id: The dataset that was ordered.
-- column request_id: The list it is owed to.
-- column server_time: When it converted, UTC.
-- column revenue: What it brought; 0 where that is unknown.
-- column position: The position of the dataset in the list, from 0; NULL where it did not stand in it.
-- column order_ref: The order as Matomo knows it: T or A and its id.
select
    dataset_id,
    request_id,
    converted_at as server_time,
    revenue,
    position,
    order_ref
from attributed_conversions

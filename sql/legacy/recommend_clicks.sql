-- description: The old system's clicks: an exposed dataset that was opened with the request id of its list, once, at the first time.
-- key: request_id, dataset_id
-- export: parquet
-- column dataset_id: The dataset.
-- column request_id: The list it stood in.
-- column server_time: When it was opened, UTC.
-- column position: Its position in the list, from 0.
select
    clicks.dataset_id,
    clicks.request_id,
    clicks.clicked_at as server_time,
    recommend_exposures.position
from clicks
inner join recommend_exposures
    on recommend_exposures.request_id = clicks.request_id and recommend_exposures.dataset_id = clicks.dataset_id

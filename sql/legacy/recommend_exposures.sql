-- description: The old system's exposures: every dataset that a list showed, once a list, at its first position.
-- key: request_id, position
-- export: parquet
-- column request_id: The answered list (req_…).
-- column algorithm_version: The model version that made the list.
-- column user_id: The known user; NULL where nobody was logged in.
-- column page_id: The dataset on whose page the list stood.
-- column dataset_id: The dataset that was shown.
-- column score: Its score, higher is better.
-- column reason: Why it was shown.
-- column timestamp: When the list was answered, UTC.
-- column position: Its position in the list, from 0.
-- column endpoint: The route that answered.
-- column variant: Whether the list was the model's (primary) or a fallback.
-- column experiment_variant: The variant of the experiment; control without one.
-- column degrade_reason: Why the list was not the usual one; none.
select
    request_id,
    algorithm_version,
    user_id,
    page_dataset_id as page_id,
    dataset_id,
    score,
    reason,
    shown_at as timestamp,
    position,
    endpoint,
    variant,
    experiment_variant,
    degrade_reason
from exposures
where dataset_id is not null
qualify row_number() over (partition by request_id, dataset_id order by position) = 1

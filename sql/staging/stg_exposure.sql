-- description: One row per answered list (the exposure log), typed; items keep their order.
-- key: request_id
select
    request_id,
    try_cast(user_id as bigint) as user_id,
    try_cast(page_id as bigint) as page_dataset_id,
    coalesce(algorithm_version, 'unknown') as algorithm_version,
    -- the log's times carry their offset, which a cast to timestamp would pass over
    cast(timezone('UTC', try_cast(timestamp as timestamptz)) as timestamp) as shown_at,
    items,
    coalesce(context ->> 'endpoint', 'unknown') as endpoint,
    coalesce(context ->> 'variant', 'primary') as variant,
    coalesce(context ->> 'experiment_variant', 'control') as experiment_variant,
    coalesce(context ->> 'degrade_reason', 'none') as degrade_reason,
    context ->> 'model_run_id' as model_run_id
from raw.exposure_log

-- description: One row per answered list (the exposure log), typed; items keep their order.
-- key: request_id
select
    request_id,
    try_cast(user_id as bigint) as user_id,
    try_cast(page_id as bigint) as page_dataset_id,
    coalesce(algorithm_version, 'unknown') as algorithm_version,
    moment(timestamp, 'UTC') as shown_at,
    items,
    coalesce(context ->> 'endpoint', 'unknown') as endpoint,
    coalesce(context ->> 'variant', 'primary') as variant,
    coalesce(context ->> 'experiment', 'none') as experiment,
    coalesce(context ->> 'experiment_variant', 'control') as experiment_variant,
    coalesce(context ->> 'degrade_reason', 'none') as degrade_reason,
    context ->> 'model_run_id' as model_run_id,
    -- as a server of today writes them, whoever wrote the line
    coalesce(lower(left(text_of(context ->> 'source'), 64)), 'unknown') as source,
    coalesce(lower(left(text_of(context ->> 'device_type'), 64)), 'unknown') as device_type,
    text_of(context ->> 'locale') as locale,
    text_of(context ->> 'client_app') as client_app,
    context ->> 'feature_snapshot_id' as feature_snapshot_id,
    text_of(context ->> 'visitor') as visitor,
    -- the exclusions that named who asked, by address or User-Agent
    cast(from_json(context -> 'excluded', '["VARCHAR"]') as varchar []) as excluded,
    -- what share of the visitors each variant of the experiment had then, and what share was held out of all of them
    cast(context -> 'allocation' as varchar) as allocation,
    try_cast(context ->> 'holdout' as double) as holdout,
    -- prefetch, prerender or crawler: no visitor looked at it
    context ->> 'purpose' as purpose,
    -- where one position of the list may try a dataset that just missed it, or a new one: the position, and the probabilities
    try_cast(context -> 'exploration' ->> 'place' as integer) as explored_place,
    try_cast(context -> 'exploration' ->> 'kept' as double) as kept_propensity,
    try_cast(context -> 'exploration' ->> 'explored' as double) as explored_propensity,
    coalesce(try_cast(context -> 'exploration' ->> 'new' as double), 0) as new_propensity,
    coalesce(try_cast(context -> 'exploration' ->> 'is_new' as boolean), false) as is_new
from raw.exposure_log

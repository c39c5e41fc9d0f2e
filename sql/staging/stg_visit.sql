-- description: One row per Matomo visit, typed; Matomo keeps UTC.
-- key: visit_id
select
    try_cast(idvisit as bigint) as visit_id,
    try_cast(idsite as integer) as site_id,
    lower(nullif(trim(idvisitor), '')) as visitor_id,
    try_cast(nullif(trim(user_id), '') as bigint) as user_id,
    try_cast(visit_first_action_time as timestamp) as first_action_at,
    try_cast(visit_last_action_time as timestamp) as last_action_at,
    try_cast(visit_total_actions as integer) as total_actions,
    try_cast(visit_total_time as integer) as total_seconds
from raw.matomo_log_visit
where try_cast(idvisit as bigint) is not null

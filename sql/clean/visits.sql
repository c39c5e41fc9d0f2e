-- description: Every visit, with the mark of a bot (more than BOT_MAX_ACTIONS actions). Pages without a visit row still make a visit.
-- key: visit_id
with
counted as (
    select
        visit_id,
        count(*) as seen_actions,
        min(viewed_at) as first_seen_at,
        max(viewed_at) as last_seen_at
    from stg_link_visit_action
    where visit_id is not null
    group by visit_id
),

joined as (
    select
        coalesce(stg_visit.visit_id, counted.visit_id) as visit_id,
        stg_visit.visitor_id,
        stg_visit.user_id,
        coalesce(stg_visit.first_action_at, counted.first_seen_at, stg_visit.last_action_at) as started_at,
        coalesce(stg_visit.last_action_at, counted.last_seen_at) as ended_at,
        greatest(coalesce(stg_visit.total_actions, 0), coalesce(counted.seen_actions, 0)) as actions,
        stg_visit.total_seconds
    from stg_visit
    full join counted on counted.visit_id = stg_visit.visit_id
)

select
    visit_id,
    coalesce(visitor_id, 'visit-' || visit_id) as visitor_id,
    user_id,
    started_at,
    ended_at,
    actions,
    total_seconds,
    actions > getvariable('bot_max_actions') as is_bot,
    cast(timezone(getvariable('report_timezone'), timezone('UTC', started_at)) as date) as day
from joined

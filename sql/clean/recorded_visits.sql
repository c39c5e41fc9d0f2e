-- description: Every visit that began by as_of, those among them that exclude.toml takes out. Pages without a
-- visit row still make a visit. Matomo changes a visit's row while it goes on: of one that went on after as_of only its pages
-- until then count.
-- key: visit_id
-- column visit_id: Matomo's visit.
-- column visitor_id: Matomo's visitor (hex); one made of the visit where there is none.
-- column user_id: The known user, by id or by what MATOMO_USER_COLUMN names; NULL where nobody was logged in or nobody is known by that.
-- column started_at: Its first action, UTC.
-- column ended_at: Its last action, UTC.
-- column actions: Actions in it as Matomo counts them; its page views where Matomo does not say.
-- column total_seconds: Its length in seconds, as Matomo tells it.
-- column is_bot: Whether it has more than BOT_MAX_ACTIONS actions, and counts nowhere.
-- column day: The day of its start in REPORT_TIMEZONE.
with
counted as (
    select
        visit_id,
        count(*) filter (where is_page_view) as seen_views,
        min(viewed_at) as first_seen_at,
        max(viewed_at) as last_seen_at
    from stg_link_visit_action
    where visit_id is not null and is_past(viewed_at)
    group by visit_id
),

known as (
    select
        stg_visit.*,
        case
            when getvariable('matomo_user_column') is null then stg_visit.user_id
            when user_names.user_name is not null then user_names.user_id
            -- with names in use, a number is an id where a user has it
            else stg_user.user_id
        end as known_user_id,
        coalesce(stg_visit.last_action_at > getvariable('as_of'), false) as goes_on
    from stg_visit
    left join user_names on user_names.user_name = stg_visit.user_name
    left join stg_user on stg_user.user_id = stg_visit.user_id
),

joined as (
    select
        coalesce(known.visit_id, counted.visit_id) as visit_id,
        known.visitor_id,
        known.known_user_id as user_id,
        coalesce(if_past(known.first_action_at), counted.first_seen_at, if_past(known.last_action_at)) as started_at,
        coalesce(if_past(known.last_action_at), counted.last_seen_at) as ended_at,
        -- Matomo's own count leaves content impressions out
        coalesce(case when not known.goes_on then known.total_actions end, counted.seen_views, 0) as actions,
        case when not known.goes_on then known.total_seconds end as total_seconds,
        coalesce(known.first_action_at, known.last_action_at) as recorded_at
    from known
    full join counted on counted.visit_id = known.visit_id
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
    report_day(started_at) as day
from joined
where started_at is not null or is_past(recorded_at)

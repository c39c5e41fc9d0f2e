-- description: Every answered list in one row: who saw it, what answered, and what came of it by the request id and, apart, by the visit.
-- key: request_id
-- column request_id: The answered list (req_…).
-- column day: The day in REPORT_TIMEZONE on which it was answered.
-- column visitor: Who saw it: user- and the user; else list- and the visitor of the exposure log; else Matomo's visitor; NULL where
-- nothing tells.
-- column visitor_kind: new (never seen before that day), returning or unknown.
-- column algorithm_version: The model version that made the list.
-- column variant: Whether the list was the model's (primary) or a fallback.
-- column experiment: The experiment the visitor was in; none.
-- column experiment_variant: The variant of the experiment; control without one.
-- column endpoint: The route that answered.
-- column degrade_reason: Why the list was not the usual one; none.
-- column source: Where the list was shown, as the front end calls it; unknown.
-- column device_type: What it was shown on: mobile, tablet, desktop, bot or unknown.
-- column exposures: How many items it had.
-- column clicks: How many of them were clicked, by the request id.
-- column conversions: Attributed conversions, by the request id, also of datasets beside the list.
-- column revenue_cents: What those brought, in cents.
-- column visit_clicks: How many were opened later in the visit without a request id that was exposed.
-- column visit_conversions: Orders of its items later in the visit without such an id.
-- column visit_revenue_cents: What those brought, in cents.
with
sizes as (
    select request_id, count(*) as exposures
    from exposures
    group by request_id
),

clicked as (
    select
        request_id,
        count(*) filter (where how = 'request_id') as clicks,
        count(*) filter (where how = 'visit') as visit_clicks
    from attributed_clicks
    group by request_id
),

ordered as (
    select
        request_id,
        count(*) filter (where how = 'request_id') as conversions,
        cast(coalesce(sum(cents(revenue)) filter (where how = 'request_id'), 0) as bigint) as revenue_cents,
        count(*) filter (where how = 'visit') as visit_conversions,
        cast(coalesce(sum(cents(revenue)) filter (where how = 'visit'), 0) as bigint) as visit_revenue_cents
    from attributed_orders
    group by request_id
),

seen as (
    select
        exposures.*,
        list_visits.visitor_id,
        coalesce('user-' || exposures.user_id, 'list-' || exposures.visitor, list_visits.visitor_id) as person
    from exposures
    left join list_visits on list_visits.request_id = exposures.request_id
    where exposures.position = 0
),

first_visits as (
    select visitor_id, min(day) as day
    from visits
    group by visitor_id
),

first_user_visits as (
    select user_id, min(day) as day
    from visits
    where user_id is not null
    group by user_id
),

first_days as (
    select seen.person, min(least(seen.day, first_visits.day, first_user_visits.day)) as day
    from seen
    left join first_visits on first_visits.visitor_id = seen.visitor_id
    left join first_user_visits on first_user_visits.user_id = seen.user_id
    where seen.person is not null
    group by seen.person
)

select
    seen.request_id,
    seen.day,
    seen.person as visitor,
    case when seen.person is null then 'unknown' when seen.day = first_days.day then 'new' else 'returning' end as visitor_kind,
    seen.algorithm_version,
    seen.variant,
    seen.experiment,
    seen.experiment_variant,
    seen.endpoint,
    seen.degrade_reason,
    seen.source,
    seen.device_type,
    sizes.exposures,
    coalesce(clicked.clicks, 0) as clicks,
    coalesce(ordered.conversions, 0) as conversions,
    coalesce(ordered.revenue_cents, 0) as revenue_cents,
    coalesce(clicked.visit_clicks, 0) as visit_clicks,
    coalesce(ordered.visit_conversions, 0) as visit_conversions,
    coalesce(ordered.visit_revenue_cents, 0) as visit_revenue_cents
from seen
inner join sizes on sizes.request_id = seen.request_id
left join first_days on first_days.person = seen.person
left join clicked on clicked.request_id = seen.request_id
left join ordered on ordered.request_id = seen.request_id

-- description: Every shown item with what it is parted by (position, channel, provider), who saw it, and what came of it.
-- materialize: view
-- column request: A number of its list: what tells lists apart, cheaper than their names.
-- column day: The day in REPORT_TIMEZONE on which its list was answered.
-- column visitor: A number of the visitor; NULL where nothing tells who it was.
-- column endpoint: The route that answered.
-- column position: The position in the list, from 0.
-- column channel: What its reason names before the colon: behaviour, content, trending, …; unknown.
-- column provider: The dataset's provider, of the fifty that are shown most; other; unknown.
-- column dataset_id: The dataset.
-- column clicks: 1 where it was clicked, by the request id.
-- column conversions: Attributed conversions of it, by the request id.
-- column revenue_cents: What those brought, in cents.
-- column visit_clicks: 1 where it was opened later in the visit without a request id that was exposed.
-- column visit_conversions: Orders of it later in the visit without such an id.
-- column visit_revenue_cents: What those brought, in cents.
with
by_visit as (
    select
        exposures.request_id,
        min(exposures.position) as position,
        1 as clicks,
        0 as conversions,
        0 as revenue_cents
    from attributed_clicks
    inner join exposures on exposures.request_id = attributed_clicks.request_id and exposures.dataset_id = attributed_clicks.dataset_id
    where attributed_clicks.how = 'visit'
    group by exposures.request_id, exposures.dataset_id
    union all
    select request_id, position, 0, 1, cents(revenue)
    from attributed_orders
    where how = 'visit'
),

opened as (
    select
        request_id,
        position,
        sum(clicks) as clicks,
        sum(conversions) as conversions,
        sum(revenue_cents) as revenue_cents
    from by_visit
    group by request_id, position
)

select
    hash(exposure_outcomes.request_id) as request,
    exposure_outcomes.day,
    case when shown_lists.visitor is not null then hash(shown_lists.visitor) end as visitor,
    exposure_outcomes.endpoint,
    exposure_outcomes.position,
    reason_channel(exposure_outcomes.reason) as channel,
    case when datasets.provider is null then 'unknown' else coalesce(frequent_providers.provider, 'other') end as provider,
    exposure_outcomes.dataset_id,
    cast(exposure_outcomes.is_clicked as integer) as clicks,
    exposure_outcomes.conversions,
    cents(exposure_outcomes.revenue) as revenue_cents,
    coalesce(opened.clicks, 0) as visit_clicks,
    coalesce(opened.conversions, 0) as visit_conversions,
    coalesce(opened.revenue_cents, 0) as visit_revenue_cents
from exposure_outcomes
inner join shown_lists on shown_lists.request_id = exposure_outcomes.request_id
left join datasets on datasets.dataset_id = exposure_outcomes.dataset_id
left join frequent_providers on frequent_providers.provider = datasets.provider
left join opened on opened.request_id = exposure_outcomes.request_id and opened.position = exposure_outcomes.position

-- description: What lists brought, by the day on which they were answered, in all and by what they are parted by, with 95 % intervals. What
-- came of a list belongs to its day, so the last days may still grow. By the visit (visit_…) is kept apart, and in no rate.
-- key: day, breakdown, value
-- column day: The day in REPORT_TIMEZONE on which the lists were answered.
-- column breakdown: all, endpoint, version, variant (of the experiment), answer (primary or fallback), source, device, visitor (new,
-- returning, unknown), and of their items position, channel, provider.
-- column value: Its value; all. Of sources and providers the fifty that show most, and other.
-- column requests: Lists that were answered; of items those that held one.
-- column exposures: Items that were shown.
-- column clicks: Items that were clicked, by the request id.
-- column conversions: Attributed conversions, by the request id; of items those of the item itself, so that an order of a dataset beside
-- the list is in none.
-- column revenue: What those brought.
-- column visitors: Different visitors who were shown them; one of whom nothing tells counts nowhere.
-- column visit_clicks: Items that were opened later in the visit without a request id that was exposed.
-- column visit_conversions: Orders of items later in the visit without such an id.
-- column visit_revenue: What those brought.
-- column ctr: Clicks per exposure.
-- column ctr_low: Lower end of its 95 % Wilson interval.
-- column ctr_high: Upper end of its 95 % Wilson interval.
-- column cvr: Attributed conversions per click; NULL without a click.
-- column cvr_low: Lower end of its 95 % Wilson interval; NULL where there are more conversions than clicks.
-- column cvr_high: Upper end of its 95 % Wilson interval; NULL where there are more conversions than clicks.
-- column revenue_per_thousand: Revenue per thousand exposures; its interval is in revenue_by_day and attribution_by.
with
list_parts as (
    select
        shown_lists.*,
        unnest([
            { 'breakdown': 'all', 'value': 'all' },
            { 'breakdown': 'endpoint', 'value': shown_lists.endpoint },
            { 'breakdown': 'version', 'value': shown_lists.algorithm_version },
            { 'breakdown': 'variant', 'value': shown_lists.experiment_variant },
            { 'breakdown': 'answer', 'value': shown_lists.variant },
            { 'breakdown': 'source', 'value': coalesce(frequent_sources.source, 'other') },
            { 'breakdown': 'device', 'value': shown_lists.device_type },
            { 'breakdown': 'visitor', 'value': shown_lists.visitor_kind }
        ]) as part
    from shown_lists
    left join frequent_sources on frequent_sources.source = shown_lists.source
),

of_lists as (
    select
        day,
        part.breakdown,
        part.value,
        count(*) as requests,
        sum(exposures) as exposures,
        sum(clicks) as clicks,
        sum(conversions) as conversions,
        sum(revenue_cents) as revenue_cents,
        count(distinct hash(visitor)) filter (where visitor is not null) as visitors,
        sum(visit_clicks) as visit_clicks,
        sum(visit_conversions) as visit_conversions,
        sum(visit_revenue_cents) as visit_revenue_cents
    from list_parts
    group by day, part.breakdown, part.value
),

item_parts as (
    select
        *,
        unnest([
            { 'breakdown': 'position', 'value': cast(position as varchar) },
            { 'breakdown': 'channel', 'value': channel },
            { 'breakdown': 'provider', 'value': provider }
        ]) as part
    from shown_items
),

of_items as (
    select
        day,
        part.breakdown,
        part.value,
        count(distinct request) as requests,
        count(*) as exposures,
        sum(clicks) as clicks,
        sum(conversions) as conversions,
        sum(revenue_cents) as revenue_cents,
        count(distinct visitor) as visitors,
        sum(visit_clicks) as visit_clicks,
        sum(visit_conversions) as visit_conversions,
        sum(visit_revenue_cents) as visit_revenue_cents
    from item_parts
    group by day, part.breakdown, part.value
),

figures as (
    select * from of_lists
    union all
    select * from of_items
)

select
    day,
    breakdown,
    value,
    requests,
    cast(exposures as bigint) as exposures,
    cast(clicks as bigint) as clicks,
    cast(conversions as bigint) as conversions,
    cast(revenue_cents as bigint) / 100.0 as revenue,
    visitors,
    cast(visit_clicks as bigint) as visit_clicks,
    cast(visit_conversions as bigint) as visit_conversions,
    cast(visit_revenue_cents as bigint) / 100.0 as visit_revenue,
    round(clicks / exposures, 6) as ctr,
    round(wilson_low(clicks / exposures, exposures), 6) as ctr_low,
    round(wilson_high(clicks / exposures, exposures), 6) as ctr_high,
    round(conversions / nullif(clicks, 0), 6) as cvr,
    case when conversions <= clicks then round(wilson_low(conversions / nullif(clicks, 0), clicks), 6) end as cvr_low,
    case when conversions <= clicks then round(wilson_high(conversions / nullif(clicks, 0), clicks), 6) end as cvr_high,
    round(cast(revenue_cents as bigint) * 10 / exposures, 6) as revenue_per_thousand
from figures

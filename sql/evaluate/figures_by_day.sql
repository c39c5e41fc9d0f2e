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
-- column revenue_per_thousand: Revenue per thousand exposures.
-- column revenue_low: Lower end of its 95 % interval (as in attribution_by), of all; NULL of parts, and with fewer than five conversions.
-- column revenue_high: Upper end of its 95 % interval, of all; NULL of parts, and with fewer than five conversions.
with
list_parts as (
    select
        shown_lists.*,
        unnest(
            list_breakdowns(
                shown_lists.endpoint,
                shown_lists.algorithm_version,
                shown_lists.experiment_variant,
                shown_lists.variant,
                coalesce(frequent_sources.source, 'other'),
                shown_lists.device_type,
                shown_lists.visitor_kind
            )
        ) as part
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

-- three passes over narrow rows take less time and memory than one with all breakdowns of an item side by side
of_items as (
    select
        day,
        'position' as breakdown,
        cast(position as varchar) as value,
        -- a list has a position once
        count(*) as requests,
        count(*) as exposures,
        sum(clicks) as clicks,
        sum(conversions) as conversions,
        sum(revenue_cents) as revenue_cents,
        count(distinct visitor) as visitors,
        sum(visit_clicks) as visit_clicks,
        sum(visit_conversions) as visit_conversions,
        sum(visit_revenue_cents) as visit_revenue_cents
    from shown_items
    group by day, position
    union all
    select
        day,
        'channel',
        channel,
        count(distinct request),
        count(*),
        sum(clicks),
        sum(conversions),
        sum(revenue_cents),
        count(distinct visitor),
        sum(visit_clicks),
        sum(visit_conversions),
        sum(visit_revenue_cents)
    from shown_items
    group by day, channel
    union all
    select
        day,
        'provider',
        provider,
        count(distinct request),
        count(*),
        sum(clicks),
        sum(conversions),
        sum(revenue_cents),
        count(distinct visitor),
        sum(visit_clicks),
        sum(visit_conversions),
        sum(visit_revenue_cents)
    from shown_items
    group by day, provider
),

figures as (
    select * from of_lists
    union all
    select * from of_items
),

group_sums as (
    select
        day,
        hash(coalesce(visitor, request_id)) % 250 as visitor_group,
        sum(exposures) as exposures,
        sum(revenue_cents) as revenue_cents
    from shown_lists
    group by day, visitor_group
),

drawn as (
    select
        group_sums.day,
        replicate.replicate,
        sum(group_sums.revenue_cents * poisson_draw(chance_of(group_sums.visitor_group, replicate.replicate)))
        / nullif(sum(group_sums.exposures * poisson_draw(chance_of(group_sums.visitor_group, replicate.replicate))), 0) as revenue
    from group_sums
    cross join range(200) as replicate (replicate)
    group by group_sums.day, replicate.replicate
),

intervals as (
    select day, 'all' as breakdown, quantile_cont(revenue, 0.025) as low, quantile_cont(revenue, 0.975) as high
    from drawn
    group by day
)

select
    figures.day,
    figures.breakdown,
    figures.value,
    figures.requests,
    cast(figures.exposures as bigint) as exposures,
    cast(figures.clicks as bigint) as clicks,
    cast(figures.conversions as bigint) as conversions,
    cast(figures.revenue_cents as bigint) / 100.0 as revenue,
    figures.visitors,
    cast(figures.visit_clicks as bigint) as visit_clicks,
    cast(figures.visit_conversions as bigint) as visit_conversions,
    cast(figures.visit_revenue_cents as bigint) / 100.0 as visit_revenue,
    round(figures.clicks / figures.exposures, 6) as ctr,
    round(wilson_low(figures.clicks / figures.exposures, figures.exposures), 6) as ctr_low,
    round(wilson_high(figures.clicks / figures.exposures, figures.exposures), 6) as ctr_high,
    round(figures.conversions / nullif(figures.clicks, 0), 6) as cvr,
    case
        when figures.conversions <= figures.clicks
            then round(wilson_low(figures.conversions / nullif(figures.clicks, 0), figures.clicks), 6)
    end as cvr_low,
    case
        when figures.conversions <= figures.clicks
            then round(wilson_high(figures.conversions / nullif(figures.clicks, 0), figures.clicks), 6)
    end as cvr_high,
    round(cast(figures.revenue_cents as bigint) * 10 / figures.exposures, 4) as revenue_per_thousand,
    case when figures.conversions >= 5 then round(intervals.low * 10, 4) end as revenue_low,
    case when figures.conversions >= 5 then round(intervals.high * 10, 4) end as revenue_high
from figures
left join intervals on intervals.day = figures.day and intervals.breakdown = figures.breakdown

-- description: What lists brought in the last 28 days with any, by what they are parted by, as figures_by_day has it, with the revenue of a
-- thousand exposures and its 95 % interval (Poisson bootstrap over visitors, 200 times; Chamandy and others 2012), and the click rate as it
-- would be if every item stood first (position_bias).
-- key: breakdown, value
-- column breakdown: all, endpoint, version, variant (of the experiment), answer (primary or fallback), source, device, visitor (new,
-- returning, unknown), and of their items position, channel, provider.
-- column value: Its value; all.
-- column first_day: The first of those days in REPORT_TIMEZONE.
-- column last_day: The last of them.
-- column requests: Lists that were answered; of items those that held one.
-- column exposures: Items that were shown.
-- column clicks: Items that were clicked, by the request id.
-- column visit_clicks: Items that were opened later in the visit without a request id that was exposed; in no rate.
-- column conversions: Attributed conversions, by the request id; of items those of the item itself.
-- column visit_conversions: Orders of items later in the visit without such an id; in no rate.
-- column revenue: What conversions brought.
-- column visit_revenue: What visit_conversions brought.
-- column visitors: Different visitors who were shown them; one of whom nothing tells counts nowhere.
-- column ctr: Clicks per exposure.
-- column ctr_low: Lower end of its 95 % Wilson interval.
-- column ctr_high: Upper end of its 95 % Wilson interval.
-- column examined: How many exposures at the first position those are worth.
-- column ctr_examined: Clicks per such exposure: what is shown far down is compared fairly with what stands first.
-- column cvr: Attributed conversions per click; NULL without a click.
-- column cvr_low: Lower end of its 95 % Wilson interval; NULL where there are more conversions than clicks.
-- column cvr_high: Upper end of its 95 % Wilson interval; NULL where there are more conversions than clicks.
-- column revenue_per_thousand: Revenue per thousand exposures.
-- column revenue_low: Lower end of its 95 % interval; NULL where fewer than five conversions say nothing of it.
-- column revenue_high: Upper end of its 95 % interval; NULL where fewer than five conversions say nothing of it.
with
last_days as (
    select max(day) - 27 as first_day, max(day) as last_day
    from shown_lists
),

-- visitors in a thousand groups, which are then drawn as one: a hundred thousand need no more than that
list_parts as (
    select
        hash(coalesce(shown_lists.visitor, shown_lists.request_id)) % 1000 as visitor_group,
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
        ) as part,
        hash(shown_lists.visitor) as visitor,
        shown_lists.visitor is not null as is_known,
        shown_lists.exposures,
        shown_lists.revenue_cents,
        position_bias.examined_so_far as examined
    from shown_lists
    inner join last_days on shown_lists.day between last_days.first_day and last_days.last_day
    left join frequent_sources on frequent_sources.source = shown_lists.source
    left join position_bias
        on position_bias.endpoint = shown_lists.endpoint and position_bias.position = shown_lists.exposures - 1
),

item_parts as (
    select
        coalesce(shown_items.visitor, shown_items.request) % 1000 as visitor_group,
        unnest([
            { 'breakdown': 'position', 'value': cast(shown_items.position as varchar) },
            { 'breakdown': 'channel', 'value': shown_items.channel },
            { 'breakdown': 'provider', 'value': shown_items.provider }
        ]) as part,
        shown_items.visitor,
        shown_items.visitor is not null as is_known,
        1 as exposures,
        shown_items.revenue_cents,
        position_bias.examination as examined
    from shown_items
    inner join last_days on shown_items.day between last_days.first_day and last_days.last_day
    left join position_bias
        on position_bias.endpoint = shown_items.endpoint and position_bias.position = shown_items.position
),

parts as (
    select * from list_parts
    union all
    select * from item_parts
),

group_sums as (
    select
        part.breakdown,
        part.value,
        visitor_group,
        sum(exposures) as exposures,
        sum(revenue_cents) as revenue_cents,
        -- exact, so the same in whatever order
        sum(cast(coalesce(examined, exposures) as decimal(18, 6))) as examined,
        -- a visitor is in one group
        count(distinct visitor) filter (where is_known) as visitors
    from parts
    group by part.breakdown, part.value, visitor_group
),

drawn as (
    select
        group_sums.breakdown,
        group_sums.value,
        replicate.replicate,
        sum(group_sums.revenue_cents * poisson_draw(chance_of(group_sums.visitor_group, replicate.replicate)))
        / nullif(sum(group_sums.exposures * poisson_draw(chance_of(group_sums.visitor_group, replicate.replicate))), 0) as revenue
    from group_sums
    cross join range(200) as replicate (replicate)
    group by group_sums.breakdown, group_sums.value, replicate.replicate
),

intervals as (
    select breakdown, value, quantile_cont(revenue, 0.025) as low, quantile_cont(revenue, 0.975) as high
    from drawn
    group by breakdown, value
),

worth as (
    select breakdown, value, cast(sum(examined) as double) as examined, cast(sum(visitors) as bigint) as visitors
    from group_sums
    group by breakdown, value
),

totals as (
    select
        figures_by_day.breakdown,
        figures_by_day.value,
        min(last_days.first_day) as first_day,
        min(last_days.last_day) as last_day,
        cast(sum(figures_by_day.requests) as bigint) as requests,
        cast(sum(figures_by_day.exposures) as bigint) as exposures,
        cast(sum(figures_by_day.clicks) as bigint) as clicks,
        cast(sum(figures_by_day.visit_clicks) as bigint) as visit_clicks,
        cast(sum(figures_by_day.conversions) as bigint) as conversions,
        cast(sum(figures_by_day.visit_conversions) as bigint) as visit_conversions,
        cast(sum(cents(figures_by_day.revenue)) as bigint) / 100.0 as revenue,
        cast(sum(cents(figures_by_day.visit_revenue)) as bigint) / 100.0 as visit_revenue
    from figures_by_day
    inner join last_days on figures_by_day.day between last_days.first_day and last_days.last_day
    group by figures_by_day.breakdown, figures_by_day.value
)

select
    totals.breakdown,
    totals.value,
    totals.first_day,
    totals.last_day,
    totals.requests,
    totals.exposures,
    totals.clicks,
    totals.visit_clicks,
    totals.conversions,
    totals.visit_conversions,
    totals.revenue,
    totals.visit_revenue,
    worth.visitors,
    round(totals.clicks / totals.exposures, 6) as ctr,
    round(wilson_low(totals.clicks / totals.exposures, totals.exposures), 6) as ctr_low,
    round(wilson_high(totals.clicks / totals.exposures, totals.exposures), 6) as ctr_high,
    round(worth.examined, 2) as examined,
    round(totals.clicks / worth.examined, 6) as ctr_examined,
    round(totals.conversions / nullif(totals.clicks, 0), 6) as cvr,
    case
        when totals.conversions <= totals.clicks
            then round(wilson_low(totals.conversions / nullif(totals.clicks, 0), totals.clicks), 6)
    end as cvr_low,
    case
        when totals.conversions <= totals.clicks
            then round(wilson_high(totals.conversions / nullif(totals.clicks, 0), totals.clicks), 6)
    end as cvr_high,
    round(totals.revenue * 1000 / totals.exposures, 4) as revenue_per_thousand,
    case when totals.conversions >= 5 then round(intervals.low * 10, 4) end as revenue_low,
    case when totals.conversions >= 5 then round(intervals.high * 10, 4) end as revenue_high
from totals
inner join worth on worth.breakdown = totals.breakdown and worth.value = totals.value
inner join intervals on intervals.breakdown = totals.breakdown and intervals.value = totals.value

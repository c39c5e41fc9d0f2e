-- description: Exposures, clicks, conversions, revenue and their rates with 95 % Wilson intervals: in all and by version, variant, position, endpoint.
-- key: breakdown, name
-- export: parquet
with
shown as (
    select 'summary' as breakdown, 'all' as name, is_clicked from exposure_outcomes
    union all
    select 'versions', algorithm_version, is_clicked from exposure_outcomes
    union all
    select 'variants', experiment_variant, is_clicked from exposure_outcomes
    union all
    select 'positions', cast(position as varchar), is_clicked from exposure_outcomes
    union all
    select 'endpoints', endpoint, is_clicked from exposure_outcomes
),

converted as (
    select 'summary' as breakdown, 'all' as name, revenue from attributed_conversions
    union all
    select 'versions', algorithm_version, revenue from attributed_conversions
    union all
    select 'variants', experiment_variant, revenue from attributed_conversions
    union all
    select 'positions', cast(position as varchar), revenue from attributed_conversions where position is not null
    union all
    select 'endpoints', endpoint, revenue from attributed_conversions
),

shown_totals as (
    select breakdown, name, count(*) as exposures, count(*) filter (is_clicked) as clicks
    from shown
    group by breakdown, name
),

converted_totals as (
    select breakdown, name, count(*) as conversions, sum(cast(round(revenue * 100) as bigint)) / 100.0 as revenue
    from converted
    group by breakdown, name
),

rates as (
    select
        shown_totals.breakdown,
        shown_totals.name,
        shown_totals.exposures,
        shown_totals.clicks,
        coalesce(converted_totals.conversions, 0) as conversions,
        coalesce(converted_totals.revenue, 0) as revenue,
        shown_totals.clicks / shown_totals.exposures as ctr,
        1.959964 as z
    from shown_totals
    left join converted_totals
        on converted_totals.breakdown = shown_totals.breakdown and converted_totals.name = shown_totals.name
)

select
    breakdown,
    name,
    exposures,
    clicks,
    conversions,
    revenue,
    round(ctr, 6) as ctr,
    round(case when clicks > 0 then conversions / clicks else 0 end, 6) as cvr,
    -- Wilson, E. B. (1927): holds for small counts too
    round(greatest((ctr + z * z / (2 * exposures) - z * sqrt(ctr * (1 - ctr) / exposures + z * z / (4 * exposures * exposures)))
        / (1 + z * z / exposures), 0), 6) as ctr_low,
    round((ctr + z * z / (2 * exposures) + z * sqrt(ctr * (1 - ctr) / exposures + z * z / (4 * exposures * exposures)))
        / (1 + z * z / exposures), 6) as ctr_high
from rates

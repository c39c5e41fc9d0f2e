-- description: Exposures, clicks, conversions, revenue and their rates with 95 % Wilson intervals: in all and by version,
-- variant, position, endpoint, source, device.
-- key: breakdown, name
-- export: parquet
-- column breakdown: summary, versions, variants, positions, endpoints, sources or devices.
-- column name: The version, variant, position, endpoint, source or device; all. Of sources the fifty that show most, and other.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column conversions: Attributed conversions; of a position those of the dataset that stood there, so that an order of a dataset beside the
-- list is in all breakdowns but that.
-- column revenue: What those brought.
-- column ctr: Clicks per exposure.
-- column cvr: Attributed conversions per click.
-- column ctr_low: Lower end of its 95 % Wilson interval.
-- column ctr_high: Upper end of its 95 % Wilson interval.
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
    union all
    select 'sources', coalesce(frequent_sources.source, 'other'), exposure_outcomes.is_clicked
    from exposure_outcomes
    left join frequent_sources on frequent_sources.source = exposure_outcomes.source
    union all
    select 'devices', device_type, is_clicked from exposure_outcomes
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
    union all
    select 'sources', coalesce(frequent_sources.source, 'other'), attributed_conversions.revenue
    from attributed_conversions
    left join frequent_sources on frequent_sources.source = attributed_conversions.source
    union all
    select 'devices', device_type, revenue from attributed_conversions
),

shown_totals as (
    select breakdown, name, count(*) as exposures, count(*) filter (where is_clicked) as clicks
    from shown
    group by breakdown, name
),

converted_totals as (
    select breakdown, name, count(*) as conversions, sum(cents(revenue)) / 100.0 as revenue
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
        shown_totals.clicks / shown_totals.exposures as ctr
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
    round(wilson_low(ctr, exposures), 6) as ctr_low,
    round(wilson_high(ctr, exposures), 6) as ctr_high
from rates

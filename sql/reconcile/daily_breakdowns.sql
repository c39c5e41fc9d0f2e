-- description: Exposures, clicks and orders of each day by version, variant, position, endpoint, cause of fallback, source
-- and device.
-- key: day, breakdown, name
-- column day: The day in REPORT_TIMEZONE.
-- column breakdown: versions, variants, positions, endpoints, degrade_reasons, sources or devices.
-- column name: The version, variant, position, endpoint, cause, source or device. Of sources the fifty that show most, and other.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column conversions: Attributed conversions of what was shown that day.
-- column revenue: What those brought.
-- column ctr: Clicks per exposure.
with
frequent_sources as (
    select source, count(*) as exposures
    from exposure_outcomes
    group by source
    order by exposures desc, source
    limit 50
),

named as (
    select day, 'versions' as breakdown, algorithm_version as name, is_clicked, conversions, revenue from exposure_outcomes
    union all
    select day, 'variants', experiment_variant, is_clicked, conversions, revenue from exposure_outcomes
    union all
    select day, 'positions', cast(position as varchar), is_clicked, conversions, revenue from exposure_outcomes
    union all
    select day, 'endpoints', endpoint, is_clicked, conversions, revenue from exposure_outcomes
    union all
    select day, 'degrade_reasons', degrade_reason, is_clicked, conversions, revenue from exposure_outcomes
    union all
    select
        exposure_outcomes.day,
        'sources',
        coalesce(frequent_sources.source, 'other'),
        exposure_outcomes.is_clicked,
        exposure_outcomes.conversions,
        exposure_outcomes.revenue
    from exposure_outcomes
    left join frequent_sources on frequent_sources.source = exposure_outcomes.source
    union all
    select day, 'devices', device_type, is_clicked, conversions, revenue from exposure_outcomes
)

select
    day,
    breakdown,
    name,
    count(*) as exposures,
    count(*) filter (where is_clicked) as clicks,
    cast(sum(conversions) as bigint) as conversions,
    round(sum(revenue), 2) as revenue,
    round(count(*) filter (where is_clicked) / count(*), 6) as ctr
from named
group by day, breakdown, name

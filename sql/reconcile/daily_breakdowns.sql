-- description: Exposures, clicks and orders of each day by version, variant, position, endpoint, cause of fallback, source
-- and device.
-- key: day, breakdown, name
-- column day: The day in REPORT_TIMEZONE.
-- column breakdown: versions, variants, positions, endpoints, degrade_reasons, sources or devices.
-- column name: The version, variant, position, endpoint, cause, source or device. Of sources the fifty that show most, and other.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column conversions: Attributed conversions of lists that were answered that day; by position those of the position's dataset.
-- column revenue: What those brought.
-- column ctr: Clicks per exposure.
with
named as (
    select day, 'versions' as breakdown, algorithm_version as name, exposures, clicks, conversions, revenue from list_outcomes
    union all
    select day, 'variants', experiment_variant, exposures, clicks, conversions, revenue from list_outcomes
    union all
    select day, 'positions', cast(position as varchar), exposures, clicks, conversions, revenue
    from list_outcomes
    where position is not null
    union all
    select day, 'endpoints', endpoint, exposures, clicks, conversions, revenue from list_outcomes
    union all
    select day, 'degrade_reasons', degrade_reason, exposures, clicks, conversions, revenue from list_outcomes
    union all
    select
        list_outcomes.day,
        'sources',
        coalesce(frequent_sources.source, 'other'),
        list_outcomes.exposures,
        list_outcomes.clicks,
        list_outcomes.conversions,
        list_outcomes.revenue
    from list_outcomes
    left join frequent_sources on frequent_sources.source = list_outcomes.source
    union all
    select day, 'devices', device_type, exposures, clicks, conversions, revenue from list_outcomes
)

select
    day,
    breakdown,
    name,
    cast(sum(exposures) as bigint) as exposures,
    cast(sum(clicks) as bigint) as clicks,
    cast(sum(conversions) as bigint) as conversions,
    round(sum(revenue), 2) as revenue,
    round(sum(clicks) / sum(exposures), 6) as ctr
from named
group by day, breakdown, name

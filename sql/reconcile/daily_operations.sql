-- description: How lists were answered each day: by cause of fallback, by variant, by experiment.
-- key: day, kind, name, variant
-- column day: The day in REPORT_TIMEZONE.
-- column kind: fallbacks, variants or experiments.
-- column name: The cause, the variant (primary or fallback), or the experiment.
-- column variant: The variant of the experiment; empty for the other kinds.
-- column requests: Lists that were answered.
-- column request_share: Their share of all lists of the day.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column conversions: Attributed conversions of lists that were answered that day.
-- column revenue: What those brought.
-- column ctr: Clicks per exposure.
-- column cvr: Attributed conversions per click; 0 without a click.
with
named as (
    select *, 'fallbacks' as kind, degrade_reason as name, '' as part
    from list_outcomes
    where degrade_reason <> 'none'
    union all
    select *, 'variants', variant, ''
    from list_outcomes
    union all
    select *, 'experiments', experiment, experiment_variant
    from list_outcomes
    where experiment <> 'none'
),

lists as (
    select day, count(distinct request_id) as requests
    from exposure_outcomes
    group by day
)

select
    named.day,
    named.kind,
    named.name,
    named.part as variant,
    count(distinct named.request_id) as requests,
    round(count(distinct named.request_id) / lists.requests, 6) as request_share,
    cast(sum(named.exposures) as bigint) as exposures,
    cast(sum(named.clicks) as bigint) as clicks,
    cast(sum(named.conversions) as bigint) as conversions,
    sum(cents(named.revenue)) / 100.0 as revenue,
    round(sum(named.clicks) / sum(named.exposures), 6) as ctr,
    coalesce(round(sum(named.conversions) / nullif(sum(named.clicks), 0), 6), 0) as cvr
from named
inner join lists on lists.day = named.day
group by named.day, named.kind, named.name, named.part, lists.requests

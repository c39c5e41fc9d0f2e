-- description: What lists of each endpoint earned in the last seven days with exposures: clicks per exposure, conversions per click.
-- key: endpoint
-- column endpoint: The route that answered; all is every one.
-- column first_day: The first of those days in REPORT_TIMEZONE.
-- column last_day: The last of them.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column conversions: Attributed conversions of its lists.
-- column ctr: Clicks per exposure.
-- column cvr: Attributed conversions per click; NULL without a click.
with
last_days as (
    select distinct day
    from daily_breakdowns
    order by day desc
    limit 7
),

shown as (
    select name as endpoint, day, exposures, clicks, conversions
    from daily_breakdowns
    where breakdown = 'endpoints' and name is not null
)

select
    coalesce(endpoint, 'all') as endpoint,
    min(day) as first_day,
    max(day) as last_day,
    cast(sum(exposures) as bigint) as exposures,
    cast(sum(clicks) as bigint) as clicks,
    cast(sum(conversions) as bigint) as conversions,
    round(sum(clicks) / sum(exposures), 6) as ctr,
    round(sum(conversions) / nullif(sum(clicks), 0), 6) as cvr
from shown
where day in (select last_days.day from last_days)
group by rollup(endpoint)
having sum(exposures) > 0

-- description: What lists brought, week by week, from Monday on. 每周推荐效果。
-- chart: bar x=week y=revenue
-- key: week
-- column week: The week's Monday, in REPORT_TIMEZONE.
-- column days: How many of its days have figures.
-- column requests: Lists that were answered.
-- column exposures: Items that were shown.
-- column clicks: Items that were clicked.
-- column ctr: Clicks per exposure.
-- column ctr_low: Lower end of its 95 % Wilson interval.
-- column ctr_high: Upper end of its 95 % Wilson interval.
-- column conversions: Attributed conversions.
-- column revenue: What those brought.
with
weeks as (
    select
        cast(date_trunc('week', day) as date) as week,
        count(*) as days,
        cast(sum(requests) as bigint) as requests,
        cast(sum(exposures) as bigint) as exposures,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(conversions) as bigint) as conversions,
        cast(sum(cast(revenue as decimal(18, 2))) as double) as revenue
    from figures_by_day
    where breakdown = 'all'
    group by date_trunc('week', day)
)

select
    week,
    days,
    requests,
    exposures,
    clicks,
    round(clicks / exposures, 6) as ctr,
    round(wilson_low(clicks / exposures, exposures), 6) as ctr_low,
    round(wilson_high(clicks / exposures, exposures), 6) as ctr_high,
    conversions,
    revenue
from weeks
order by week

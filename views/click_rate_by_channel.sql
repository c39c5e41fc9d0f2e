-- description: How well what each channel proposes is clicked, over the last four weeks, with 95 % intervals. 各召回通道点击率。
-- chart: bar x=channel y=ctr low=ctr_low high=ctr_high
-- key: channel
-- column channel: The channel that proposed an item.
-- column exposures: Its items that were shown.
-- column clicks: Those that were clicked.
-- column ctr: Clicks per exposure.
-- column ctr_low: Lower end of its 95 % Wilson interval.
-- column ctr_high: Upper end of its 95 % Wilson interval.
with
last as (
    select max(day) as day
    from figures_by_day
),

recent as (
    select
        figures_by_day.value as channel,
        cast(sum(figures_by_day.exposures) as bigint) as exposures,
        cast(sum(figures_by_day.clicks) as bigint) as clicks
    from figures_by_day
    cross join last
    where figures_by_day.breakdown = 'channel'
        and figures_by_day.day > last.day - 28
    group by figures_by_day.value
)

select
    channel,
    exposures,
    clicks,
    round(clicks / exposures, 6) as ctr,
    round(wilson_low(clicks / exposures, exposures), 6) as ctr_low,
    round(wilson_high(clicks / exposures, exposures), 6) as ctr_high
from recent
order by exposures desc, channel

-- description: How well each place in a list is clicked, with 95 % intervals. 各位置点击率。
-- chart: bar x=position y=ctr low=ctr_low high=ctr_high
-- key: position
-- column position: The place in the list, from 0.
-- column exposures: Items that stood there.
-- column clicks: Those that were clicked.
-- column ctr: Clicks per exposure.
-- column ctr_low: Lower end of its 95 % Wilson interval.
-- column ctr_high: Upper end of its 95 % Wilson interval.
select
    cast(name as integer) as position,
    exposures,
    clicks,
    ctr,
    ctr_low,
    ctr_high
from exposure_metrics
where breakdown = 'positions'
order by position

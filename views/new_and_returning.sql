-- description: Click rates of new and of returning visitors, day by day, with 95 % intervals. 新老访客每日点击率。
-- chart: line x=day y=ctr by=visitor low=ctr_low high=ctr_high
-- key: day, visitor
-- column day: The day in REPORT_TIMEZONE.
-- column visitor: new or returning.
-- column exposures: Items that were shown to them.
-- column clicks: Those that were clicked.
-- column ctr: Clicks per exposure.
-- column ctr_low: Lower end of its 95 % Wilson interval.
-- column ctr_high: Upper end of its 95 % Wilson interval.
select
    day,
    value as visitor,
    exposures,
    clicks,
    ctr,
    ctr_low,
    ctr_high
from figures_by_day
where breakdown = 'visitor' and value in ('new', 'returning')
order by day, visitor

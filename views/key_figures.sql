-- description: What lists brought on the last day that has any. 最近一天的关键指标。
-- chart: number y=requests,exposures,clicks,ctr,conversions,revenue,visitors
-- key: day
-- column day: The day in REPORT_TIMEZONE.
-- column requests: Lists that were answered.
-- column exposures: Items that were shown.
-- column clicks: Items that were clicked.
-- column ctr: Clicks per exposure.
-- column conversions: Attributed conversions.
-- column revenue: What those brought.
-- column visitors: Different visitors who were shown them.
select
    day,
    requests,
    exposures,
    clicks,
    ctr,
    conversions,
    revenue,
    visitors
from figures_by_day
where breakdown = 'all'
order by day desc
limit 1

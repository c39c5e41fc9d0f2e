-- description: From visits to orders, day by day. 每日漏斗：访问、浏览、曝光、点击、订单。
-- chart: line x=day y=visits,views,clicks,orders
-- test unique: day
-- column day: The day in REPORT_TIMEZONE.
-- column visits: Visits of people.
-- column views: Views of dataset pages.
-- column exposures: Entries that were shown.
-- column clicks: Entries that were clicked.
-- column orders: Orders of the business.
-- column revenue: What those brought.
-- column ctr: Clicks per exposure.
with
view_days as (
    select day, count(*) as views
    from page_views
    group by day
)

select
    reconciliation_daily.day,
    reconciliation_daily.matomo_total_visits as visits,
    coalesce(view_days.views, 0) as views,
    reconciliation_daily.exposures,
    reconciliation_daily.clicks,
    reconciliation_daily.business_order_count as orders,
    reconciliation_daily.business_revenue as revenue,
    round(reconciliation_daily.clicks / nullif(reconciliation_daily.exposures, 0), 4) as ctr
from reconciliation_daily
left join view_days on view_days.day = reconciliation_daily.day
order by reconciliation_daily.day

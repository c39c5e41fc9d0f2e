-- description: The figures of each day under the names that the old daily reports had.
-- key: day
-- chart: line x=day y=overall_ctr
-- column day: The day in REPORT_TIMEZONE.
-- column total_exposures: Exposures.
-- column total_clicks: Clicks of that day.
-- column total_conversions: Attributed conversions of that day.
-- column total_revenue: What those brought.
-- column total_detail_views: Views of dataset pages by people.
-- column overall_ctr: Clicks per exposure; NULL without an exposure.
-- column overall_cvr: Attributed conversions per click; NULL without a click.
-- column unique_request_ids: Lists that were answered.
-- column unique_users: Different known users who were shown a list.
-- column unique_visitors: Different visitors who viewed a dataset's page.
-- column unique_datasets_exposed: Different datasets that were shown.
-- column unique_datasets_clicked: Different datasets that were clicked.
-- column exposure_to_conversion: Attributed conversions per exposure; NULL without an exposure.
-- column view_to_conversion: Conversions with an order per view; NULL without a view.
with
shown as (
    select
        day,
        count(distinct request_id) as requests,
        count(distinct user_id) as users,
        count(distinct dataset_id) as datasets
    from exposures
    group by day
),

clicked as (
    select day, count(distinct dataset_id) as datasets
    from clicks
    group by day
),

earned as (
    select day, sum(cents(revenue)) as revenue_cents
    from attributed_conversions
    group by day
),

viewed as (
    select day, count(*) as views, count(distinct visitor_id) as visitors
    from page_views
    group by day
)

select
    reconciliation_daily.day,
    reconciliation_daily.exposures as total_exposures,
    reconciliation_daily.clicks as total_clicks,
    reconciliation_daily.attributed_conversions as total_conversions,
    coalesce(earned.revenue_cents, 0) / 100.0 as total_revenue,
    coalesce(viewed.views, 0) as total_detail_views,
    round(reconciliation_daily.clicks / nullif(reconciliation_daily.exposures, 0), 6) as overall_ctr,
    round(reconciliation_daily.attributed_conversions / nullif(reconciliation_daily.clicks, 0), 6) as overall_cvr,
    coalesce(shown.requests, 0) as unique_request_ids,
    coalesce(shown.users, 0) as unique_users,
    coalesce(viewed.visitors, 0) as unique_visitors,
    coalesce(shown.datasets, 0) as unique_datasets_exposed,
    coalesce(clicked.datasets, 0) as unique_datasets_clicked,
    round(reconciliation_daily.attributed_conversions / nullif(reconciliation_daily.exposures, 0), 6)
        as exposure_to_conversion,
    round(reconciliation_daily.matomo_conversion_count / nullif(viewed.views, 0), 6) as view_to_conversion
from reconciliation_daily
left join shown on shown.day = reconciliation_daily.day
left join clicked on clicked.day = reconciliation_daily.day
left join earned on earned.day = reconciliation_daily.day
left join viewed on viewed.day = reconciliation_daily.day

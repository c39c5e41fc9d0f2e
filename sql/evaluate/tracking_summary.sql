-- description: What request ids tell of lists, in one row: shown, clicked, ordered, and how many different.
-- column total_exposures: Exposures.
-- column total_clicks: Exposures that were clicked.
-- column total_conversions: Attributed conversions.
-- column total_revenue: What those brought.
-- column overall_ctr: Clicks per exposure; NULL without one.
-- column overall_cvr: Attributed conversions per click; NULL without one.
-- column unique_request_ids: Lists that were answered.
-- column unique_users: Different known users who were shown a list.
-- column unique_datasets_exposed: Different datasets that were shown.
-- column unique_datasets_clicked: Different datasets that were clicked.
with
shown as (
    select
        count(*) as exposures,
        count(*) filter (where is_clicked) as clicks,
        count(distinct request_id) as requests,
        count(distinct user_id) as users,
        count(distinct dataset_id) as datasets,
        count(distinct dataset_id) filter (where is_clicked) as clicked_datasets
    from exposure_outcomes
),

earned as (
    select count(*) as conversions, coalesce(sum(cents(revenue)), 0) as revenue_cents
    from attributed_conversions
)

select
    shown.exposures as total_exposures,
    shown.clicks as total_clicks,
    earned.conversions as total_conversions,
    earned.revenue_cents / 100.0 as total_revenue,
    round(shown.clicks / nullif(shown.exposures, 0), 6) as overall_ctr,
    round(earned.conversions / nullif(shown.clicks, 0), 6) as overall_cvr,
    shown.requests as unique_request_ids,
    shown.users as unique_users,
    shown.datasets as unique_datasets_exposed,
    shown.clicked_datasets as unique_datasets_clicked
from shown
cross join earned

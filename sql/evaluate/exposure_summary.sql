-- description: The exposure log in one row.
-- column exposures_total: Exposures.
-- column requests_total: Lists that were answered.
-- column clicks_total: Exposures that were clicked.
-- column conversions_total: Attributed conversions.
-- column revenue_total: What those brought.
-- column ctr: Clicks per exposure.
-- column cvr: Attributed conversions per click.
-- column exposures_unique_users: Different known users who were shown a list.
select
    exposure_metrics.exposures as exposures_total,
    (select count(distinct exposures.request_id) from exposures) as requests_total,
    exposure_metrics.clicks as clicks_total,
    exposure_metrics.conversions as conversions_total,
    exposure_metrics.revenue as revenue_total,
    exposure_metrics.ctr,
    exposure_metrics.cvr,
    (select count(distinct exposures.user_id) from exposures) as exposures_unique_users
from exposure_metrics
where exposure_metrics.breakdown = 'summary'

-- description: The exposure log in one row.
select
    exposure_metrics.exposures as exposures_total,
    (select count(distinct request_id) from exposures) as requests_total,
    exposure_metrics.clicks as clicks_total,
    exposure_metrics.conversions as conversions_total,
    exposure_metrics.revenue as revenue_total,
    exposure_metrics.ctr,
    exposure_metrics.cvr,
    (select count(distinct user_id) from exposures) as exposures_unique_users
from exposure_metrics
where exposure_metrics.breakdown = 'summary'

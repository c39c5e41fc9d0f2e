-- description: Click and order rate of each variant of each experiment by day.
-- key: day, experiment, experiment_variant
-- export: parquet
-- column day: The day in REPORT_TIMEZONE.
-- column experiment: The experiment the visitor was in; none.
-- column experiment_variant: The variant of the experiment; control without one.
-- column exposures: Exposures.
-- column requests: Lists that were answered.
-- column clicks: Exposures that were clicked.
-- column conversions: Attributed conversions.
-- column ctr: Clicks per exposure.
select
    day,
    experiment,
    experiment_variant,
    count(*) as exposures,
    count(distinct request_id) as requests,
    count(*) filter (where is_clicked) as clicks,
    sum(conversions) as conversions,
    round(count(*) filter (where is_clicked) / count(*), 6) as ctr
from exposure_outcomes
group by day, experiment, experiment_variant

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
    cast(sum(exposures) as bigint) as exposures,
    count(distinct request_id) as requests,
    cast(sum(clicks) as bigint) as clicks,
    cast(sum(conversions) as bigint) as conversions,
    round(sum(clicks) / sum(exposures), 6) as ctr
from list_outcomes
group by day, experiment, experiment_variant

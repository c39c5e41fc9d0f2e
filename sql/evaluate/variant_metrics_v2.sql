-- description: Click and order rate of each variant of each experiment by day.
-- key: day, experiment, experiment_variant
-- export: parquet
select
    day,
    experiment,
    experiment_variant,
    count(*) as exposures,
    count(distinct request_id) as requests,
    count(*) filter (is_clicked) as clicks,
    sum(conversions) as conversions,
    round(count(*) filter (is_clicked) / count(*), 6) as ctr
from exposure_outcomes
group by day, experiment, experiment_variant

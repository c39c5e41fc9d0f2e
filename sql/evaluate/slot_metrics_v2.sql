-- description: Click and order rate of each place in the list, by endpoint and day.
-- key: day, endpoint, position
-- export: parquet
select
    day,
    endpoint,
    position,
    count(*) as exposures,
    count(*) filter (is_clicked) as clicks,
    sum(conversions) as conversions,
    round(count(*) filter (is_clicked) / count(*), 6) as ctr
from exposure_outcomes
group by day, endpoint, position

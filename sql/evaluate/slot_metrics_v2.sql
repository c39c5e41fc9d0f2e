-- description: Click and order rate of each position in the list, by endpoint and day.
-- key: day, endpoint, position
-- export: parquet
-- column day: The day in REPORT_TIMEZONE.
-- column endpoint: The route that answered.
-- column position: The position in the list, from 0.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column conversions: Attributed conversions of the dataset that stood there; orders of a dataset beside the list are of no position.
-- column ctr: Clicks per exposure.
select
    day,
    endpoint,
    position,
    count(*) as exposures,
    count(*) filter (where is_clicked) as clicks,
    sum(conversions) as conversions,
    round(count(*) filter (where is_clicked) / count(*), 6) as ctr
from exposure_outcomes
group by day, endpoint, position

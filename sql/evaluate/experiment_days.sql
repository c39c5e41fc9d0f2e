-- description: What each variant of each experiment was shown and earned by day.
-- key: day, experiment, experiment_variant
-- export: parquet
-- column day: The day in REPORT_TIMEZONE.
-- column experiment: The experiment; holdout compares who is held out of all of them with all others.
-- column experiment_variant: The variant.
-- column visitors: Visitors.
-- column lists: Lists that were answered.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column orders: Attributed conversions.
-- column revenue: What those brought.
select
    day,
    experiment,
    experiment_variant,
    count(distinct visitor) as visitors,
    cast(sum(lists) as bigint) as lists,
    cast(sum(exposures) as bigint) as exposures,
    cast(sum(clicks) as bigint) as clicks,
    cast(sum(orders) as bigint) as orders,
    cast(sum(revenue) as double) as revenue
from experiment_visitors
group by day, experiment, experiment_variant

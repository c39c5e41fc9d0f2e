-- description: How good the data are, 0 to 100, by table: 100 less what each of data_quality_checks takes off. Below 80 is an alert.
-- key: table_name
-- chart: bar x=table_name y=score
-- column table_name: source.table, or interactions, dataset_features, user_profile, dataset_stats.
-- column rows: Its rows.
-- column score: 100 is without a fault; a table without a row has 0.
-- column nulls: Share of rows without what they need; of several columns the one that is missing most.
-- column duplicates: Share of rows that are there more than once.
-- column set_aside: Share of rows of which something could not be used (rejected_rows).
-- column strangers: Share of views and orders of datasets, or of orders by users, that the sources do not have.
-- column concentration: Gini coefficient of views and orders over the listed datasets: 0 is all alike, 1 is all on one.
-- column price_outliers: Share of prices beyond the fences (1.5 interquartile ranges of their logarithms).
-- column day_gaps: Share of days without an event beyond what chance makes.
-- column anomalies: Rows, days or datasets that are odd.
-- column alerts: Checks beyond what is usual.
select
    table_name,
    max(rows) as rows,
    cast(round(case when max(rows) = 0 then 0 else 100 * greatest(1 - sum(cast(penalty as decimal(18, 6))), 0) end, 2) as double) as score,
    max(value) filter (where check_name = 'nulls') as nulls,
    max(value) filter (where check_name = 'duplicates') as duplicates,
    max(value) filter (where check_name = 'set_aside') as set_aside,
    max(value) filter (where check_name = 'strangers') as strangers,
    max(value) filter (where check_name = 'concentration') as concentration,
    max(value) filter (where check_name = 'price_outliers') as price_outliers,
    max(value) filter (where check_name = 'day_gaps') as day_gaps,
    cast(sum(anomalies) as bigint) as anomalies,
    count(*) filter (where value > bound) as alerts
from data_quality_checks
group by table_name

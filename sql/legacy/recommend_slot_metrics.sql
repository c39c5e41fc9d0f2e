-- description: The old system's figures of each dataset at each position. By day and endpoint: slot_metrics_v2.
-- key: dataset_id, position
-- export: parquet
-- column dataset_id: The dataset.
-- column position: The position in the list, from 0.
-- column exposure_count: How often it stood there.
-- column click_count: How often it was clicked there.
-- column conversion_count: Orders that it earned there.
-- column conversion_revenue: What those brought.
-- column ctr: Clicks per exposure.
-- column cvr: Orders per click, as everywhere in nearset; per exposure in the old system.
select
    dataset_id,
    position,
    count(*) as exposure_count,
    count(*) filter (where is_clicked) as click_count,
    cast(sum(conversions) as bigint) as conversion_count,
    sum(cents(revenue)) / 100.0 as conversion_revenue,
    round(count(*) filter (where is_clicked) / count(*), 6) as ctr,
    coalesce(round(sum(conversions) / nullif(count(*) filter (where is_clicked), 0), 6), 0) as cvr
from exposure_outcomes
where dataset_id is not null
group by dataset_id, position

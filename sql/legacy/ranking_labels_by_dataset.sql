-- description: The old system's labels for training: whether a dataset that was shown was ever clicked, and how often.
-- key: dataset_id
-- export: parquet
-- column dataset_id: The dataset.
-- column label: 1 where it was clicked at least once, else 0.
-- column click_count: How often it was clicked in a list.
-- column exposure_count: How often it was shown in a list.
-- column conversion_count: Orders that lists with it in them earned it.
-- column conversion_revenue: What those brought.
-- column conversion_rate: Those orders per exposure.
with
shown as (
    select
        dataset_id,
        sum(exposure_count) as exposure_count,
        sum(click_count) as click_count,
        sum(conversion_count) as conversion_count,
        sum(cents(conversion_revenue)) / 100.0 as conversion_revenue
    from recommend_slot_metrics
    group by dataset_id
)

select
    dataset_id,
    cast(click_count > 0 as integer) as label,
    cast(click_count as bigint) as click_count,
    cast(exposure_count as bigint) as exposure_count,
    cast(conversion_count as bigint) as conversion_count,
    conversion_revenue,
    round(conversion_count / exposure_count, 6) as conversion_rate
from shown

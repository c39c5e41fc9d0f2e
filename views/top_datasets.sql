-- description: The fifty datasets that sold for most in the last four weeks. 近四周收入最高的数据集。
-- chart: table
-- key: dataset_id
-- column dataset_id: The dataset.
-- column title: Its name.
-- column provider: The company that offers it.
-- column views: Views by people.
-- column exposures: How often it was shown in a list.
-- column clicks: How often it was clicked there.
-- column orders: Orders of the business.
-- column revenue: What those brought.
with
last as (
    select max(day) as day
    from dataset_by_day
),

recent as (
    select
        dataset_by_day.dataset_id,
        cast(sum(dataset_by_day.views) as bigint) as views,
        cast(sum(dataset_by_day.exposures) as bigint) as exposures,
        cast(sum(dataset_by_day.clicks) as bigint) as clicks,
        cast(sum(dataset_by_day.orders) as bigint) as orders,
        cast(sum(cast(dataset_by_day.order_revenue as decimal(18, 2))) as double) as revenue
    from dataset_by_day
    cross join last
    where dataset_by_day.day > last.day - 28
    group by dataset_by_day.dataset_id
)

select
    recent.dataset_id,
    datasets.title,
    datasets.provider,
    recent.views,
    recent.exposures,
    recent.clicks,
    recent.orders,
    recent.revenue
from recent
inner join datasets on datasets.dataset_id = recent.dataset_id
order by recent.revenue desc, recent.orders desc, recent.views desc, recent.dataset_id
limit 50

-- description: The fifteen providers whose datasets sold for most, and how much of that lists earned. 收入最高的供应方。
-- chart: bar x=provider y=revenue,list_revenue
-- key: provider
-- column provider: The company that offers them; unknown.
-- column orders: Orders of its datasets.
-- column revenue: What those brought.
-- column list_revenue: What those brought that are owed to a list.
with
ordered as (
    select
        dataset_id,
        cast(orders as bigint) as orders,
        cast(order_revenue as decimal(18, 2)) as revenue,
        cast(revenue as decimal(18, 2)) as list_revenue
    from dataset_by_day
)

select
    coalesce(datasets.provider, 'unknown') as provider,
    cast(sum(ordered.orders) as bigint) as orders,
    cast(sum(ordered.revenue) as double) as revenue,
    cast(sum(ordered.list_revenue) as double) as list_revenue
from ordered
inner join datasets on datasets.dataset_id = ordered.dataset_id
group by coalesce(datasets.provider, 'unknown')
having sum(ordered.orders) > 0
order by revenue desc, provider
limit 15

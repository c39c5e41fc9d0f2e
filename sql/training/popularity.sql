-- description: How much each dataset was viewed and ordered in what training may see; recent_views halve every three
-- weeks, and count a visitor once a day.
-- key: dataset_id
-- column dataset_id: The dataset.
-- column views: Views that training may see.
-- column recent_views: The same, of each visitor the last of a day, each halved every three weeks.
-- column orders: Orders that training may see.
-- column last_active_at: When it was last viewed or ordered, UTC; NULL where it never was.
with
looked as (
    select dataset_id, count(*) as views, max(viewed_at) as viewed_at
    from training_views
    group by dataset_id, visitor_id, report_day(viewed_at)
),

viewed as (
    select
        dataset_id,
        cast(sum(views) as bigint) as views,
        max(viewed_at) as last_viewed_at,
        -- decimals: the same sum in whatever order
        sum(cast(
            pow(0.5, greatest(date_diff('hour', viewed_at, getvariable('as_of')), 0) / (24.0 * 21)) as decimal(18, 12)
        )) as recent_views
    from looked
    group by dataset_id
),

bought as (
    select
        dataset_id,
        count(*) as orders,
        max(ordered_at) as last_ordered_at
    from training_orders
    group by dataset_id
)

select
    datasets.dataset_id,
    coalesce(viewed.views, 0) as views,
    round(coalesce(cast(viewed.recent_views as double), 0), 6) as recent_views,
    coalesce(bought.orders, 0) as orders,
    greatest(viewed.last_viewed_at, bought.last_ordered_at) as last_active_at
from datasets
left join viewed on viewed.dataset_id = datasets.dataset_id
left join bought on bought.dataset_id = datasets.dataset_id

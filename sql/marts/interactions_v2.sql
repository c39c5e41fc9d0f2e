-- description: What each person (a user where known, else a visitor) did with each dataset: views, followed recommendations, orders.
-- key: actor_id, dataset_id
-- export: parquet
-- column actor_id: user- and the user where known, else the visitor.
-- column user_id: The known user; NULL where nobody was logged in.
-- column dataset_id: The dataset.
-- column views: Views by that person.
-- column recommended_views: Views that followed a recommendation.
-- column orders: Orders by that user.
-- column revenue: Sum of the prices paid.
-- column first_at: The first view or order, UTC.
-- column last_at: The latest view or order, UTC.
-- column weight: ln(1 + views) + 3 ln(1 + orders).
with
events as (
    select
        coalesce('user-' || user_id, visitor_id) as actor_id,
        user_id,
        dataset_id,
        viewed_at as happened_at,
        1 as views,
        case when request_id is not null then 1 else 0 end as recommended_views,
        0 as orders,
        0.0 as revenue
    from page_views
    union all
    select 'user-' || user_id, user_id, dataset_id, ordered_at, 0, 0, 1, coalesce(revenue, 0.0)
    from orders
    where user_id is not null
)

select
    events.actor_id,
    any_value(events.user_id) as user_id,
    events.dataset_id,
    cast(sum(events.views) as bigint) as views,
    cast(sum(events.recommended_views) as bigint) as recommended_views,
    cast(sum(events.orders) as bigint) as orders,
    round(sum(events.revenue), 2) as revenue,
    min(events.happened_at) as first_at,
    max(events.happened_at) as last_at,
    -- an order says more than a look, and a second look less than the first
    round(ln(1 + sum(events.views)) + 3 * ln(1 + sum(events.orders)), 6) as weight
from events
inner join datasets on datasets.dataset_id = events.dataset_id
group by events.actor_id, events.dataset_id

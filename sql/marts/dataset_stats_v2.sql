-- description: Counts per dataset: views, visitors, orders, buyers and revenue, in all and in windows that end at as_of.
-- key: dataset_id
-- export: parquet
-- column dataset_id: The dataset.
-- column views: Views by people.
-- column views_1d: Views in the day before as_of.
-- column views_7d: Views in the week before as_of.
-- column views_30d: Views in the 30 days before as_of.
-- column views_90d: Views in the 90 days before as_of.
-- column api_views: Views of its API page.
-- column recommended_views: Views that followed a recommendation.
-- column visitors: Different visitors.
-- column visits: Different visits.
-- column known_users: Different known users who viewed it.
-- column exits: Views that were the last of their visit.
-- column first_viewed_at: Its first view, UTC.
-- column last_viewed_at: Its latest view, UTC.
-- column orders: Orders of it and of its API.
-- column orders_30d: Orders in the 30 days before as_of.
-- column api_orders: Orders of its API.
-- column buyers: Different users who ordered it.
-- column revenue: Sum of the prices paid.
-- column last_ordered_at: Its latest order, UTC.
-- column exposures: How often it was shown in a list.
-- column clicks: How often it was clicked in a list.
with
view_counts as (
    select
        dataset_id,
        count(*) as views,
        count(*) filter (where viewed_at > getvariable('as_of') - interval 1 day) as views_1d,
        count(*) filter (where viewed_at > getvariable('as_of') - interval 7 day) as views_7d,
        count(*) filter (where viewed_at > getvariable('as_of') - interval 30 day) as views_30d,
        count(*) filter (where viewed_at > getvariable('as_of') - interval 90 day) as views_90d,
        count(*) filter (where page_kind = 'api') as api_views,
        count(*) filter (where request_id is not null) as recommended_views,
        count(distinct visitor_id) as visitors,
        count(distinct visit_id) as visits,
        count(distinct user_id) as known_users,
        count(*) filter (where viewed_at = visit_last_viewed_at) as exits,
        min(viewed_at) as first_viewed_at,
        max(viewed_at) as last_viewed_at
    from page_views
    group by dataset_id
),

order_counts as (
    select
        dataset_id,
        count(*) as orders,
        count(*) filter (where ordered_at > getvariable('as_of') - interval 30 day) as orders_30d,
        count(*) filter (where order_kind = 'api_order') as api_orders,
        count(distinct user_id) as buyers,
        sum(revenue) as revenue,
        max(ordered_at) as last_ordered_at
    from orders
    group by dataset_id
),

exposure_counts as (
    select dataset_id, count(*) as exposures, count(*) filter (where is_clicked) as clicks
    from exposure_outcomes
    group by dataset_id
)

select
    datasets.dataset_id,
    coalesce(view_counts.views, 0) as views,
    coalesce(view_counts.views_1d, 0) as views_1d,
    coalesce(view_counts.views_7d, 0) as views_7d,
    coalesce(view_counts.views_30d, 0) as views_30d,
    coalesce(view_counts.views_90d, 0) as views_90d,
    coalesce(view_counts.api_views, 0) as api_views,
    coalesce(view_counts.recommended_views, 0) as recommended_views,
    coalesce(view_counts.visitors, 0) as visitors,
    coalesce(view_counts.visits, 0) as visits,
    coalesce(view_counts.known_users, 0) as known_users,
    coalesce(view_counts.exits, 0) as exits,
    view_counts.first_viewed_at,
    view_counts.last_viewed_at,
    coalesce(order_counts.orders, 0) as orders,
    coalesce(order_counts.orders_30d, 0) as orders_30d,
    coalesce(order_counts.api_orders, 0) as api_orders,
    coalesce(order_counts.buyers, 0) as buyers,
    round(coalesce(order_counts.revenue, 0), 2) as revenue,
    order_counts.last_ordered_at,
    coalesce(exposure_counts.exposures, 0) as exposures,
    coalesce(exposure_counts.clicks, 0) as clicks
from datasets
left join view_counts on view_counts.dataset_id = datasets.dataset_id
left join order_counts on order_counts.dataset_id = datasets.dataset_id
left join exposure_counts on exposure_counts.dataset_id = datasets.dataset_id

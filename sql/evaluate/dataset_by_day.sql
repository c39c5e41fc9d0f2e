-- description: Each dataset's days: what it was viewed, shown, clicked in lists and ordered. A click counts on the day its list was
-- answered, everything else on its own day.
-- key: day, dataset_id
-- column day: The day in REPORT_TIMEZONE.
-- column dataset_id: The dataset.
-- column views: Views by people.
-- column visitors: Different visitors who viewed it.
-- column exposures: How often it was shown in a list.
-- column clicks: How many of those were clicked.
-- column conversions: Attributed conversions of it, by the request id.
-- column revenue: What those brought.
-- column orders: Orders of the business, however they came about.
-- column order_revenue: What those brought.
with
counted as (
    select
        day,
        dataset_id,
        count(*) as views,
        count(distinct hash(visitor_id)) as visitors,
        0 as exposures,
        0 as clicks,
        0 as conversions,
        0 as revenue_cents,
        0 as orders,
        0 as order_revenue_cents
    from page_views
    group by day, dataset_id
    union all
    select day, dataset_id, 0, 0, count(*), count(*) filter (where is_clicked), 0, 0, 0, 0
    from exposure_outcomes
    group by day, dataset_id
    union all
    select day, dataset_id, 0, 0, 0, 0, count(*), sum(cents(revenue)), 0, 0
    from attributed_conversions
    group by day, dataset_id
    union all
    select day, dataset_id, 0, 0, 0, 0, 0, 0, count(*), sum(cents(coalesce(revenue, 0)))
    from orders
    group by day, dataset_id
)

select
    day,
    dataset_id,
    cast(sum(views) as bigint) as views,
    cast(sum(visitors) as bigint) as visitors,
    cast(sum(exposures) as bigint) as exposures,
    cast(sum(clicks) as bigint) as clicks,
    cast(sum(conversions) as bigint) as conversions,
    cast(sum(revenue_cents) as bigint) / 100.0 as revenue,
    cast(sum(orders) as bigint) as orders,
    cast(sum(order_revenue_cents) as bigint) / 100.0 as order_revenue
from counted
where dataset_id is not null
group by day, dataset_id

-- description: What each dataset was viewed and ordered, as Matomo saw it: every dataset with a view or an order.
-- key: dataset_id
-- column dataset_id: The dataset.
-- column views: Views by people.
-- column conversions: Conversions with an order.
-- column revenue: What those brought: the order's price, else Matomo's figure.
-- column title: Its name.
-- column price: NULL where it is unknown; 0 is free.
-- column create_company_name: The company that offers it.
-- column conversion_rate: Conversions per view; 0 without a view.
with
viewed as (
    select dataset_id, count(*) as views
    from page_views
    group by dataset_id
),

ordered as (
    select dataset_id, count(*) as conversions, sum(cents(coalesce(revenue, 0))) / 100.0 as revenue
    from conversions
    where order_ref is not null and dataset_id is not null
    group by dataset_id
),

tracked as (
    select
        coalesce(viewed.dataset_id, ordered.dataset_id) as dataset_id,
        coalesce(viewed.views, 0) as views,
        coalesce(ordered.conversions, 0) as conversions,
        coalesce(ordered.revenue, 0) as revenue
    from viewed
    full join ordered on ordered.dataset_id = viewed.dataset_id
)

select
    tracked.dataset_id,
    tracked.views,
    tracked.conversions,
    tracked.revenue,
    datasets.title,
    datasets.price,
    datasets.provider as create_company_name,
    coalesce(round(tracked.conversions / nullif(tracked.views, 0), 6), 0) as conversion_rate
from tracked
left join datasets on datasets.dataset_id = tracked.dataset_id

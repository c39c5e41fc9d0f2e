-- description: What is known of each user: account, activity, recency, spending, preferences, diversity.
-- key: user_id
-- export: parquet
-- column user_id: The user.
-- column company_name: The user's company.
-- column province: The user's province.
-- column city: The user's city.
-- column is_consumption: Whether the marketplace marks the user as a buyer.
-- column account_age_days: Days since the account was made.
-- column days_since_login: Days since the last login.
-- column days_since_visit: Days since the last visit ended.
-- column days_since_order: Days since the latest order.
-- column days_since_first_order: Days since the first order.
-- column visits: Visits as a known user.
-- column active_days: Different days with a visit.
-- column mean_visit_seconds: Mean length of a visit in seconds.
-- column views: Views of dataset pages.
-- column views_7d: Views in the week before as_of.
-- column views_30d: Views in the 30 days before as_of.
-- column views_per_visit: Views per visit.
-- column datasets_viewed: Different datasets viewed.
-- column providers_viewed: Different providers viewed.
-- column recommended_views: Views that followed a recommendation.
-- column recommended_share: Their share of all views.
-- column api_share: Share of views of API pages.
-- column chinese_share: Share of views of Chinese datasets.
-- column cover_share: Share of views of datasets with a picture.
-- column free_share: Share of views of free datasets.
-- column mean_price_viewed: Mean price of what was viewed.
-- column median_price_viewed: Median price of what was viewed.
-- column mean_popularity_rank: Mean popularity rank of what was viewed.
-- column preferred_hour_utc: The hour of the day (UTC) with most views.
-- column dataset_entropy: Entropy of views over datasets, in nats: 0 is always the same.
-- column tags_viewed: Different tags viewed.
-- column top_tags: The five tags viewed most, most first.
-- column tag_entropy: Entropy of views over tags, in nats.
-- column top_provider: The provider viewed most.
-- column top_provider_share: Its share of the views.
-- column orders: Orders by the user.
-- column api_orders: Orders of APIs.
-- column orders_30d: Orders in the 30 days before as_of.
-- column datasets_bought: Different datasets ordered.
-- column spent: Sum of the prices paid.
-- column mean_order_value: Mean price paid.
-- column largest_order: The highest price paid.
-- column order_value_deviation: Standard deviation of the prices paid.
-- column free_order_share: Share of orders that cost nothing.
-- column orders_per_view: Orders per view.
-- column is_repeat_buyer: Whether there is more than one order.
-- column is_cold: Whether there is neither a view nor an order.
with
visit_figures as (
    select
        user_id,
        count(*) as visits,
        count(distinct day) as active_days,
        round(avg(total_seconds), 2) as mean_visit_seconds,
        max(ended_at) as last_visit_at
    from visits
    where user_id is not null and not is_bot
    group by user_id
),

seen as (
    select
        page_views.user_id,
        page_views.viewed_at,
        page_views.visit_id,
        page_views.request_id,
        page_views.page_kind,
        page_views.dataset_id,
        datasets.provider,
        datasets.price,
        dataset_features_v2.language,
        dataset_features_v2.has_cover,
        dataset_features_v2.popularity_rank
    from page_views
    inner join datasets on datasets.dataset_id = page_views.dataset_id
    inner join dataset_features_v2 on dataset_features_v2.dataset_id = page_views.dataset_id
    where page_views.user_id is not null
),

view_figures as (
    select
        user_id,
        count(*) as views,
        count(*) filter (where viewed_at > getvariable('as_of') - interval 7 day) as views_7d,
        count(*) filter (where viewed_at > getvariable('as_of') - interval 30 day) as views_30d,
        count(distinct dataset_id) as datasets_viewed,
        count(distinct provider) as providers_viewed,
        count(*) filter (where request_id is not null) as recommended_views,
        round(count(*) filter (where page_kind = 'api') / count(*), 4) as api_share,
        round(count(*) filter (where language = 'zh') / count(*), 4) as chinese_share,
        round(count(*) filter (where has_cover) / count(*), 4) as cover_share,
        round(avg(cast(price as decimal(28, 4))), 2) as mean_price_viewed,
        round(median(price), 2) as median_price_viewed,
        round(count(*) filter (where price = 0) / count(*), 4) as free_share,
        round(avg(popularity_rank), 2) as mean_popularity_rank
    from seen
    group by user_id
),

-- of hours with as many views, the one met first
hour_figures as (
    select user_id, arg_min(hour, (-views, first_at)) as preferred_hour_utc
    from (
        select user_id, extract(hour from viewed_at) as hour, count(*) as views, min(viewed_at) as first_at
        from seen
        group by user_id, hour
    )
    group by user_id
),

dataset_views as (
    select user_id, dataset_id, count(*) as views
    from seen
    group by user_id, dataset_id
),

dataset_entropies as (
    -- decimals: the same sum in whatever order, without keeping the rows of a user together
    select user_id, round(ln(sum(views)) - sum(cast(views * ln(views) as decimal(18, 6))) / sum(views), 4) as dataset_entropy
    from dataset_views
    group by user_id
),

tag_views as (
    select user_id, tag, cast(sum(views) as bigint) as views
    from (
        select dataset_views.user_id, dataset_views.views, unnest(datasets.tags) as tag
        from dataset_views
        inner join datasets on datasets.dataset_id = dataset_views.dataset_id
    )
    group by user_id, tag
),

tag_figures as (
    select
        user_id,
        count(*) as tags_viewed,
        list_transform(min(struct_pack(fewer := -views, tag := tag), 5), lambda entry: entry.tag) as top_tags,
        round(ln(sum(views)) - sum(cast(views * ln(views) as decimal(18, 6))) / sum(views), 4) as tag_entropy
    from tag_views
    group by user_id
),

provider_figures as (
    select user_id, arg_max(provider, (views, provider)) as top_provider, round(max(views) / sum(views), 4) as top_provider_share
    from (
        select user_id, provider, count(*) as views
        from seen
        where provider is not null
        group by user_id, provider
    )
    group by user_id
),

order_figures as (
    select
        user_id,
        count(*) as orders,
        count(*) filter (where order_kind = 'api_order') as api_orders,
        count(*) filter (where ordered_at > getvariable('as_of') - interval 30 day) as orders_30d,
        count(distinct dataset_id) as datasets_bought,
        round(sum(revenue), 2) as spent,
        round(avg(cast(revenue as decimal(28, 4))), 2) as mean_order_value,
        round(max(revenue), 2) as largest_order,
        round(coalesce(stddev_pop(revenue order by order_ref), 0), 2) as order_value_deviation,
        round(count(*) filter (where revenue = 0) / count(*), 4) as free_order_share,
        min(ordered_at) as first_ordered_at,
        max(ordered_at) as last_ordered_at
    from orders
    where user_id is not null
    group by user_id
)

select
    users.user_id,
    users.company_name,
    users.province,
    users.city,
    users.is_consumption,
    date_diff('day', users.created_at, getvariable('as_of')) as account_age_days,
    date_diff('day', users.last_login_at, getvariable('as_of')) as days_since_login,
    date_diff('day', visit_figures.last_visit_at, getvariable('as_of')) as days_since_visit,
    date_diff('day', order_figures.last_ordered_at, getvariable('as_of')) as days_since_order,
    date_diff('day', order_figures.first_ordered_at, getvariable('as_of')) as days_since_first_order,
    coalesce(visit_figures.visits, 0) as visits,
    coalesce(visit_figures.active_days, 0) as active_days,
    visit_figures.mean_visit_seconds,
    coalesce(view_figures.views, 0) as views,
    coalesce(view_figures.views_7d, 0) as views_7d,
    coalesce(view_figures.views_30d, 0) as views_30d,
    round(coalesce(view_figures.views, 0) / greatest(visit_figures.visits, 1), 4) as views_per_visit,
    coalesce(view_figures.datasets_viewed, 0) as datasets_viewed,
    coalesce(view_figures.providers_viewed, 0) as providers_viewed,
    coalesce(view_figures.recommended_views, 0) as recommended_views,
    round(view_figures.recommended_views / view_figures.views, 4) as recommended_share,
    view_figures.api_share,
    view_figures.chinese_share,
    view_figures.cover_share,
    view_figures.free_share,
    view_figures.mean_price_viewed,
    view_figures.median_price_viewed,
    view_figures.mean_popularity_rank,
    hour_figures.preferred_hour_utc,
    dataset_entropies.dataset_entropy,
    coalesce(tag_figures.tags_viewed, 0) as tags_viewed,
    coalesce(tag_figures.top_tags, []) as top_tags,
    tag_figures.tag_entropy,
    provider_figures.top_provider,
    provider_figures.top_provider_share,
    coalesce(order_figures.orders, 0) as orders,
    coalesce(order_figures.api_orders, 0) as api_orders,
    coalesce(order_figures.orders_30d, 0) as orders_30d,
    coalesce(order_figures.datasets_bought, 0) as datasets_bought,
    coalesce(order_figures.spent, 0) as spent,
    order_figures.mean_order_value,
    order_figures.largest_order,
    order_figures.order_value_deviation,
    order_figures.free_order_share,
    round(coalesce(order_figures.orders, 0) / greatest(view_figures.views, 1), 4) as orders_per_view,
    coalesce(order_figures.orders, 0) > 1 as is_repeat_buyer,
    coalesce(view_figures.views, 0) + coalesce(order_figures.orders, 0) = 0 as is_cold
from users
left join visit_figures on visit_figures.user_id = users.user_id
left join view_figures on view_figures.user_id = users.user_id
left join hour_figures on hour_figures.user_id = users.user_id
left join dataset_entropies on dataset_entropies.user_id = users.user_id
left join tag_figures on tag_figures.user_id = users.user_id
left join provider_figures on provider_figures.user_id = users.user_id
left join order_figures on order_figures.user_id = users.user_id

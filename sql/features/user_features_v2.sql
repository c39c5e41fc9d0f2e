-- description: What is known of each user: account, activity, recency, spending, preferences, diversity.
-- key: user_id
-- export: parquet
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
        count(*) filter (viewed_at > getvariable('as_of') - interval 7 day) as views_7d,
        count(*) filter (viewed_at > getvariable('as_of') - interval 30 day) as views_30d,
        count(distinct dataset_id) as datasets_viewed,
        count(distinct provider) as providers_viewed,
        count(*) filter (request_id is not null) as recommended_views,
        round(count(*) filter (page_kind = 'api') / count(*), 4) as api_share,
        round(count(*) filter (language = 'zh') / count(*), 4) as chinese_share,
        round(count(*) filter (has_cover) / count(*), 4) as cover_share,
        round(avg(cast(price as decimal(28, 4))), 2) as mean_price_viewed,
        round(median(price), 2) as median_price_viewed,
        round(count(*) filter (price = 0) / count(*), 4) as free_share,
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
        list_transform(min({fewer: -views, tag: tag}, 5), lambda entry: entry.tag) as top_tags,
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
        count(*) filter (order_kind = 'api_order') as api_orders,
        count(*) filter (ordered_at > getvariable('as_of') - interval 30 day) as orders_30d,
        count(distinct dataset_id) as datasets_bought,
        round(sum(revenue), 2) as spent,
        round(avg(cast(revenue as decimal(28, 4))), 2) as mean_order_value,
        round(max(revenue), 2) as largest_order,
        round(coalesce(stddev_pop(revenue order by order_ref), 0), 2) as order_value_deviation,
        round(count(*) filter (revenue = 0) / count(*), 4) as free_order_share,
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

-- description: What is known of each dataset: text, price, pictures, provider, popularity, recency, quality.
-- key: dataset_id
-- test relationships: dataset_id -> datasets.dataset_id
-- export: parquet
-- column dataset_id: The dataset.
-- column title: Its name.
-- column description: Without mark-up.
-- column tags: In lower case, sorted.
-- column provider: The company that offers it.
-- column cover_image: Path or address of its picture.
-- column is_listed: Whether it may be recommended.
-- column is_deleted: Whether the marketplace deleted it.
-- column title_length: Characters of its name.
-- column description_length: Characters of its description.
-- column tag_count: Tags it has.
-- column chinese_share: Share of Chinese characters among its letters and digits.
-- column language: zh where more than a fifth of those are Chinese, else en.
-- column mean_tag_datasets: Mean number of listed datasets that bear each of its tags.
-- column rarest_tag_datasets: Listed datasets that bear its rarest tag.
-- column price: NULL where it is unknown; 0 is free.
-- column is_price_unknown: Whether it has no price.
-- column is_free: Whether its price is 0.
-- column log_price: ln(1 + price).
-- column price_percentile: Share of priced listed datasets that are cheaper.
-- column price_band: unknown, free, low (below 100), middle (below 1000) or high.
-- column price_above_provider: Its price less the mean of its provider's listed datasets.
-- column provider_datasets: Listed datasets of its provider.
-- column image_count: Pictures it has.
-- column has_cover: Whether it has a picture.
-- column age_days: Days since it was made.
-- column days_since_update: Days since it was last changed.
-- column days_since_view: Days since its latest view.
-- column days_since_order: Days since its latest order.
-- column views: Views by people.
-- column views_7d: Views in the week before as_of.
-- column views_30d: Views in the 30 days before as_of.
-- column visitors: Different visitors.
-- column orders: Orders of it and of its API.
-- column buyers: Different users who ordered it.
-- column revenue: Sum of the prices paid.
-- column exposures: How often it was shown in a list.
-- column clicks: How often it was clicked in a list.
-- column view_growth: Views of the week against the monthly mean: above 1 grows, below 1 fades.
-- column smoothed_ctr: Clicks per exposure, as if it had 1 of 20 before.
-- column smoothed_order_rate: Orders per view, as if it had 0.1 of 10 before.
-- column exit_share: Share of its views that were the last of their visit.
-- column is_cold: Whether it has at most 2 views.
-- column popularity: ln(1 + views and orders), recent views and orders counting most.
-- column popularity_rank: Its rank by popularity, listed datasets first, from 1.
-- column quality: How whole its page is, 0 to 1: name, description, tags, picture, price, provider.
with
tag_counts as (
    select tag, count(*) as tagged_datasets
    from (select unnest(tags) as tag from datasets where is_listed)
    group by tag
),

tag_figures as (
    select
        tagged.dataset_id,
        avg(tag_counts.tagged_datasets) as mean_tag_datasets,
        min(tag_counts.tagged_datasets) as rarest_tag_datasets
    from (select dataset_id, unnest(tags) as tag from datasets) as tagged
    inner join tag_counts on tag_counts.tag = tagged.tag
    group by tagged.dataset_id
),

provider_figures as (
    select provider, count(*) as provider_datasets, avg(cast(price as decimal(28, 4))) as provider_mean_price
    from datasets
    where is_listed and provider is not null
    group by provider
),

texts as (
    select
        dataset_id,
        coalesce(length(title), 0) as title_length,
        coalesce(length(description), 0) as description_length,
        coalesce(length(regexp_extract_all(title || ' ' || coalesce(left(description, 20000), ''), '[\p{Han}]')), 0) as han_characters,
        coalesce(length(regexp_extract_all(title || ' ' || coalesce(left(description, 20000), ''), '[\p{L}\p{N}]')), 0) as word_characters
    from datasets
),

priced as (
    select dataset_id, percent_rank() over (order by price) as price_percentile
    from datasets
    where price is not null and is_listed
),

popular as (
    select
        dataset_id,
        -- recent views count most, an order as much as ten views
        ln(1 + views_90d + 2 * views_30d + 4 * views_7d + 10 * orders + 20 * orders_30d) as popularity
    from dataset_stats_v2
)

select
    datasets.dataset_id,
    datasets.title,
    datasets.description,
    datasets.tags,
    datasets.provider,
    datasets.cover_image,
    datasets.is_listed,
    datasets.is_deleted,
    texts.title_length,
    texts.description_length,
    len(datasets.tags) as tag_count,
    case when texts.word_characters = 0 then 0.0 else round(texts.han_characters / texts.word_characters, 4) end as chinese_share,
    case when texts.han_characters > 0.2 * texts.word_characters then 'zh' else 'en' end as language,
    round(coalesce(tag_figures.mean_tag_datasets, 0), 4) as mean_tag_datasets,
    coalesce(tag_figures.rarest_tag_datasets, 0) as rarest_tag_datasets,
    datasets.price,
    datasets.price is null as is_price_unknown,
    coalesce(datasets.price = 0, false) as is_free,
    round(ln(1 + datasets.price), 6) as log_price,
    round(priced.price_percentile, 6) as price_percentile,
    case
        when datasets.price is null then 'unknown'
        when datasets.price = 0 then 'free'
        when datasets.price < 100 then 'low'
        when datasets.price < 1000 then 'middle'
        else 'high'
    end as price_band,
    round(datasets.price - provider_figures.provider_mean_price, 2) as price_above_provider,
    coalesce(provider_figures.provider_datasets, 0) as provider_datasets,
    datasets.image_count,
    datasets.cover_image is not null as has_cover,
    date_diff('day', datasets.created_at, getvariable('as_of')) as age_days,
    date_diff('day', datasets.updated_at, getvariable('as_of')) as days_since_update,
    date_diff('day', dataset_stats_v2.last_viewed_at, getvariable('as_of')) as days_since_view,
    date_diff('day', dataset_stats_v2.last_ordered_at, getvariable('as_of')) as days_since_order,
    dataset_stats_v2.views,
    dataset_stats_v2.views_7d,
    dataset_stats_v2.views_30d,
    dataset_stats_v2.visitors,
    dataset_stats_v2.orders,
    dataset_stats_v2.buyers,
    dataset_stats_v2.revenue,
    dataset_stats_v2.exposures,
    dataset_stats_v2.clicks,
    -- weekly views against the monthly mean: above 1 grows, below 1 fades
    round((dataset_stats_v2.views_7d + 1) / (dataset_stats_v2.views_30d * 7.0 / 30 + 1), 4) as view_growth,
    round((dataset_stats_v2.clicks + 1) / (dataset_stats_v2.exposures + 20.0), 6) as smoothed_ctr,
    round((dataset_stats_v2.orders + 0.1) / (dataset_stats_v2.views + 10.0), 6) as smoothed_order_rate,
    round(dataset_stats_v2.exits / greatest(dataset_stats_v2.views, 1), 4) as exit_share,
    is_cold(dataset_stats_v2.views) as is_cold,
    round(popular.popularity, 6) as popularity,
    row_number() over (order by datasets.is_listed desc, popular.popularity desc, datasets.dataset_id) as popularity_rank,
    -- a page worth sending people to: a name, a description, tags, a picture, a price, a provider
    round(
        0.20 * least(texts.title_length / 8.0, 1)
        + 0.35 * least(texts.description_length / 120.0, 1)
        + 0.15 * least(len(datasets.tags) / 3.0, 1)
        + 0.10 * cast(datasets.cover_image is not null as integer)
        + 0.10 * cast(datasets.price is not null as integer)
        + 0.10 * cast(datasets.provider is not null as integer),
        4
    ) as quality
from datasets
inner join texts on texts.dataset_id = datasets.dataset_id
inner join dataset_stats_v2 on dataset_stats_v2.dataset_id = datasets.dataset_id
inner join popular on popular.dataset_id = datasets.dataset_id
left join tag_figures on tag_figures.dataset_id = datasets.dataset_id
left join provider_figures on provider_figures.provider = datasets.provider
left join priced on priced.dataset_id = datasets.dataset_id

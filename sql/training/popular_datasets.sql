-- description: Listed datasets by popularity in what training may see, good pages first: the list for who nothing better is known of.
-- key: dataset_id
-- unwindowed: of dataset_features_v2 only quality, price, age and is_listed are read, which no visit changes.
-- column dataset_id: The dataset.
-- column views: Views that training may see.
-- column orders: Orders that training may see.
-- column quality: How whole its page is, 0 to 1.
-- column is_above_floor: Whether its page is good enough to stand among the first.
-- column is_wanted: Whether it is neither cheap, nor little used, nor stale, as POPULAR_ENABLE_FILTER has it; true without the filter.
-- column score: Recent views and five times the orders.
with
scored as (
    select
        dataset_features_v2.dataset_id,
        popularity.views,
        popularity.orders,
        dataset_features_v2.quality,
        -- below the floor a page stays in the list, but behind every good one
        dataset_features_v2.quality >= 0.5 as is_above_floor,
        -- the same holds of what the filter is against: it is NULL where it is off
        getvariable('popular_min_price') is null
        or (
            coalesce(dataset_features_v2.price >= getvariable('popular_min_price'), false)
            and popularity.views + popularity.orders >= getvariable('popular_min_interaction')
            and coalesce(date_diff('day', popularity.last_active_at, getvariable('as_of')), dataset_features_v2.age_days)
            <= getvariable('popular_max_inactive_days')
        ) as is_wanted,
        round(popularity.recent_views + 5 * popularity.orders, 6) as score
    from dataset_features_v2
    inner join popularity on popularity.dataset_id = dataset_features_v2.dataset_id
    where dataset_features_v2.is_listed
)

select
    dataset_id,
    views,
    orders,
    quality,
    is_above_floor,
    is_wanted,
    score
from scored
qualify row_number() over (order by is_wanted desc, is_above_floor desc, score desc, quality desc, dataset_id) <= 500

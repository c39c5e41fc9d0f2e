-- description: Listed datasets by popularity before train_until, good pages only: the list for who nothing better is known of.
-- key: dataset_id
with
viewed as (
    select
        dataset_id,
        count(*) as views,
        sum(exp(-greatest(date_diff('hour', viewed_at, getvariable('as_of')), 0) / (24.0 * 30)) order by action_row_id) as recent_views
    from page_views
    where viewed_at < coalesce(getvariable('train_until'), timestamp 'infinity')
        and viewed_at <= getvariable('as_of')
    group by dataset_id
),

bought as (
    select dataset_id, count(*) as orders
    from orders
    where ordered_at < coalesce(getvariable('train_until'), timestamp 'infinity')
        and ordered_at <= getvariable('as_of')
    group by dataset_id
)

select
    dataset_features_v2.dataset_id,
    coalesce(viewed.views, 0) as views,
    coalesce(bought.orders, 0) as orders,
    dataset_features_v2.quality,
    -- below the floor a page stays in the list, but behind every good one
    dataset_features_v2.quality >= 0.5 as is_above_floor,
    round(coalesce(viewed.recent_views, 0) + 5 * coalesce(bought.orders, 0), 6) as score
from dataset_features_v2
left join viewed on viewed.dataset_id = dataset_features_v2.dataset_id
left join bought on bought.dataset_id = dataset_features_v2.dataset_id
where dataset_features_v2.is_listed
qualify row_number() over (
    order by
        dataset_features_v2.quality >= 0.5 desc,
        round(coalesce(viewed.recent_views, 0) + 5 * coalesce(bought.orders, 0), 6) desc,
        dataset_features_v2.quality desc,
        dataset_features_v2.dataset_id
) <= 500

-- description: Each channel on the held-out visits: does its list hold the page the visitor went to next, and how high.
-- key: channel
with
pairs as (
    select action_row_id, dataset_id, next_dataset_id
    from next_pages
    where visit_first_viewed_at >= (select holdout_from from holdout)
),

channels as (
    select distinct channel
    from raw.offline_lists
),

ranked as (
    select
        channels.channel,
        pairs.action_row_id,
        lists.position + 1 as place
    from pairs
    cross join channels
    left join raw.offline_lists as lists
        on lists.channel = channels.channel
        and lists.dataset_id = pairs.dataset_id
        and lists.item_id = pairs.next_dataset_id
),

shown as (
    select channel, count(distinct item_id) as items
    from raw.offline_lists
    where position < 10
    group by channel
),

figures as (
    select
        channel,
        count(*) as pairs,
        count(*) filter (place <= 5) / count(*) as hit_rate_5,
        count(*) filter (place <= 10) / count(*) as hit_rate_10,
        count(*) filter (place <= 20) / count(*) as hit_rate_20,
        sum(case when place <= 10 then 1.0 / place else 0 end) / count(*) as mrr_10,
        sum(case when place <= 10 then 1.0 / log2(1 + place) else 0 end) / count(*) as ndcg_10
    from ranked
    group by channel
)

select
    figures.channel,
    figures.pairs,
    round(figures.hit_rate_10, 6) as "hit_rate@10",
    round(figures.hit_rate_10 - 1.959964 * sqrt(figures.hit_rate_10 * (1 - figures.hit_rate_10) / figures.pairs), 6)
        as "hit_rate@10_low",
    round(figures.hit_rate_10 + 1.959964 * sqrt(figures.hit_rate_10 * (1 - figures.hit_rate_10) / figures.pairs), 6)
        as "hit_rate@10_high",
    round(figures.mrr_10, 6) as "mrr@10",
    round(figures.ndcg_10, 6) as "ndcg@10",
    -- one page is next, so recall and hit rate are the same
    round(figures.hit_rate_10, 6) as "recall@10",
    round(figures.hit_rate_5, 6) as "hit_rate@5",
    round(figures.hit_rate_20, 6) as "hit_rate@20",
    round(shown.items / (select count(*) from datasets where is_listed), 6) as "coverage@10"
from figures
inner join shown on shown.channel = figures.channel

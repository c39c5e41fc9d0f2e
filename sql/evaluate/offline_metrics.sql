-- description: Each list on the held-out visits: does it hold the page the visitor went to next, and how high; how much of
-- what was still to come; how much of the catalogue it shows, how varied and how little known. Over all steps, and apart
-- for pages that training knew few visits of (cold: at most 2 views).
-- key: model, list, segment
-- column model: holdout (trained without the held-out visits), challenger, current, or a version.
-- column list: A route, a channel alone, or the whole without a part.
-- column segment: all, cold (pages with at most 2 views in training) or warm.
-- column pairs: Held-out steps from page to page.
-- column hit_rate@10: Share of steps whose next page is among the first 10.
-- column hit_rate@10_low: Lower end of its 95 % interval.
-- column hit_rate@10_high: Upper end of its 95 % interval.
-- column mrr@10: Mean of 1 / rank of the next page, 0 beyond 10.
-- column mrr@10_low: Lower end of its 95 % interval.
-- column mrr@10_high: Upper end of its 95 % interval.
-- column ndcg@10: Mean of 1 / log2(1 + rank) of the next page, 0 beyond 10.
-- column recall@10: Share of all pages still to come in the visit that are among the first 10.
-- column hit_rate@5: Share of steps whose next page is among the first 5.
-- column mrr@5: Mean of 1 / rank of the next page, 0 beyond 5.
-- column ndcg@5: Mean of 1 / log2(1 + rank) of the next page, 0 beyond 5.
-- column recall@5: Share of all pages still to come in the visit that are among the first 5.
-- column hit_rate@20: Share of steps whose next page is among the first 20.
-- column mrr@20: Mean of 1 / rank of the next page, 0 beyond 20.
-- column ndcg@20: Mean of 1 / log2(1 + rank) of the next page, 0 beyond 20.
-- column recall@20: Share of all pages still to come in the visit that are among the first 20.
-- column coverage@10: Share of listed datasets that were among the first 10 of some list; only of all steps.
-- column diversity@10: Mean unlikeness of two entries among the first 10, 0 to 1.
-- column novelty@10: Mean of how little viewed the first 10 are.
with
steps as (
    select *, 'all' as segment from raw.offline_replays
    union all
    select *, case when is_cold(page_views) then 'cold' else 'warm' end from raw.offline_replays
),

figures as (
    select
        model,
        list,
        segment,
        count(*) as pairs,
        count(*) filter (where place <= 5) / count(*) as hit_rate_5,
        count(*) filter (where place <= 10) / count(*) as hit_rate_10,
        count(*) filter (where place <= 20) / count(*) as hit_rate_20,
        sum(case when place <= 5 then 1.0 / place else 0 end order by action_row_id) / count(*) as mrr_5,
        sum(case when place <= 10 then 1.0 / place else 0 end order by action_row_id) / count(*) as mrr_10,
        sum(case when place <= 20 then 1.0 / place else 0 end order by action_row_id) / count(*) as mrr_20,
        sum(case when place <= 5 then 1.0 / log2(1 + place) else 0 end order by action_row_id) / count(*) as ndcg_5,
        sum(case when place <= 10 then 1.0 / log2(1 + place) else 0 end order by action_row_id) / count(*) as ndcg_10,
        sum(case when place <= 20 then 1.0 / log2(1 + place) else 0 end order by action_row_id) / count(*) as ndcg_20,
        sum(case when place <= 10 then 1.0 / place / place else 0 end order by action_row_id) / count(*) as squared_10,
        sum(later_hits_5 / later order by action_row_id) / count(*) as recall_5,
        sum(later_hits_10 / later order by action_row_id) / count(*) as recall_10,
        sum(later_hits_20 / later order by action_row_id) / count(*) as recall_20,
        sum(diversity order by action_row_id) / count(diversity) as diversity,
        sum(novelty order by action_row_id) / count(novelty) as novelty
    from steps
    group by model, list, segment
),

shown as (
    select model, list, count(*) as items
    from raw.offline_shown
    group by model, list
)

select
    figures.model,
    figures.list,
    figures.segment,
    figures.pairs,
    round(figures.hit_rate_10, 6) as "hit_rate@10",
    round(figures.hit_rate_10 - margin_95(figures.hit_rate_10 * (1 - figures.hit_rate_10), figures.pairs), 6)
        as "hit_rate@10_low",
    round(figures.hit_rate_10 + margin_95(figures.hit_rate_10 * (1 - figures.hit_rate_10), figures.pairs), 6)
        as "hit_rate@10_high",
    round(figures.mrr_10, 6) as "mrr@10",
    round(figures.mrr_10 - margin_95(greatest(figures.squared_10 - figures.mrr_10 * figures.mrr_10, 0), figures.pairs), 6)
        as "mrr@10_low",
    round(figures.mrr_10 + margin_95(greatest(figures.squared_10 - figures.mrr_10 * figures.mrr_10, 0), figures.pairs), 6)
        as "mrr@10_high",
    round(figures.ndcg_10, 6) as "ndcg@10",
    -- of all pages of the visit that were still to come
    round(figures.recall_10, 6) as "recall@10",
    round(figures.hit_rate_5, 6) as "hit_rate@5",
    round(figures.mrr_5, 6) as "mrr@5",
    round(figures.ndcg_5, 6) as "ndcg@5",
    round(figures.recall_5, 6) as "recall@5",
    round(figures.hit_rate_20, 6) as "hit_rate@20",
    round(figures.mrr_20, 6) as "mrr@20",
    round(figures.ndcg_20, 6) as "ndcg@20",
    round(figures.recall_20, 6) as "recall@20",
    case
        when figures.segment = 'all' then round(coalesce(shown.items, 0) / (select count(*) from datasets where datasets.is_listed), 6)
    end as "coverage@10",
    round(figures.diversity, 6) as "diversity@10",
    round(figures.novelty, 6) as "novelty@10"
from figures
left join shown on shown.model = figures.model and shown.list = figures.list
-- a list that showed nothing, such as one of pictures where no model looks at them, says nothing
where shown.items > 0 or figures.hit_rate_20 > 0

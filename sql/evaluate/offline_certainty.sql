-- description: /recommend/detail against each other list of the same model on the very same held-out steps: how much more often it holds
-- the next page among its first ten, how sure that is, and how large a difference must be to be seen. Steps of one visit are no
-- independent witnesses, so intervals are those of visits.
-- key: model, list, segment
-- column model: holdout (trained without the held-out visits), challenger, current, or a version.
-- column list: The list that detail is compared with.
-- column segment: all, cold (pages with at most 2 views in training) or warm.
-- column pairs: Held-out steps that both answered.
-- column visits: Held-out visits those are of.
-- column hit_rate@10: Share of steps whose next page is among the first 10 of detail.
-- column other_hit_rate@10: The same of the list.
-- column difference: What detail has more.
-- column difference_low: Lower end of its 95 % interval; NULL with a single visit.
-- column difference_high: Upper end of its 95 % interval; NULL with a single visit.
-- column detectable: The smallest true difference that this many visits would show four times of five; NULL with a single visit.
-- column verdict: better, worse, even (the interval holds 0) or too few (visits, below 30).
with
hits as (
    select model, list, action_row_id, page_views, cast(coalesce(place <= 10, false) as integer) as hit
    from raw.offline_replays
),

compared as (
    select
        other.model,
        other.list,
        unnest(['all', case when is_cold(other.page_views) then 'cold' else 'warm' end]) as segment,
        next_pages.visit_id,
        whole.hit,
        other.hit as other_hit
    from hits as other
    inner join hits as whole
        on whole.model = other.model and whole.action_row_id = other.action_row_id and whole.list = 'detail'
    inner join next_pages on next_pages.action_row_id = other.action_row_id
    where other.list <> 'detail'
),

by_visit as (
    select
        model,
        list,
        segment,
        visit_id,
        count(*) as steps,
        sum(hit) as hits,
        sum(other_hit) as other_hits,
        sum(hit - other_hit) as more
    from compared
    group by model, list, segment, visit_id
),

sums as (
    select
        model,
        list,
        segment,
        sum(steps) as pairs,
        count(*) as visits,
        sum(hits) / sum(steps) as hit_rate,
        sum(other_hits) / sum(steps) as other_hit_rate,
        sum(more) / sum(steps) as difference,
        ratio_error(sum(more) / sum(steps), sum(more * more), sum(more * steps), sum(steps * steps), sum(steps), count(*)) as deviation
    from by_visit
    group by model, list, segment
)

select
    model,
    list,
    segment,
    cast(pairs as bigint) as pairs,
    visits,
    round(hit_rate, 6) as "hit_rate@10",
    round(other_hit_rate, 6) as "other_hit_rate@10",
    round(difference, 6) as difference,
    round(difference - z_95() * deviation, 6) as difference_low,
    round(difference + z_95() * deviation, 6) as difference_high,
    -- 0.841621: the normal distribution's 80 % quantile
    round((z_95() + 0.841621) * deviation, 6) as detectable,
    verdict_of(difference, deviation, visits) as verdict
from sums

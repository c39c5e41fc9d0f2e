-- description: Each list against /recommend/detail of the same model on the very same held-out steps: what a channel, the
-- ranker, or diversity brings (a fall without it) or costs (a rise without it), with 95 % intervals of the paired difference.
-- key: model, list
-- column model: holdout (trained without the held-out visits), challenger, current, or a version.
-- column list: The list compared with detail.
-- column pairs: Held-out steps that both answered.
-- column hit_rate@10_difference: Hit rate among the first 10, less that of detail.
-- column hit_rate@10_margin: Half the width of its 95 % interval.
-- column mrr@10_difference: Mean reciprocal rank among the first 10, less that of detail.
-- column mrr@10_margin: Half the width of its 95 % interval.
with
hits as (
    select
        model,
        list,
        action_row_id,
        coalesce(place <= 10, false)::integer as hit,
        case when place <= 10 then 1.0 / place else 0 end as reciprocal
    from raw.offline_replays
),

differences as (
    select
        other.model,
        other.list,
        other.action_row_id,
        other.hit - whole.hit as hit,
        other.reciprocal - whole.reciprocal as reciprocal
    from hits as other
    inner join hits as whole
        on whole.model = other.model and whole.action_row_id = other.action_row_id and whole.list = 'detail'
    where other.list <> 'detail'
),

moments as (
    select
        model,
        list,
        count(*) as pairs,
        sum(hit) / count(*) as hit,
        sum(hit * hit) / count(*) as hit_squared,
        sum(reciprocal order by action_row_id) / count(*) as reciprocal,
        sum(reciprocal * reciprocal order by action_row_id) / count(*) as reciprocal_squared
    from differences
    group by model, list
)

select
    model,
    list,
    pairs,
    round(hit, 6) as "hit_rate@10_difference",
    round(margin_95(greatest(hit_squared - hit * hit, 0), pairs), 6) as "hit_rate@10_margin",
    round(reciprocal, 6) as "mrr@10_difference",
    round(margin_95(greatest(reciprocal_squared - reciprocal * reciprocal, 0), pairs), 6) as "mrr@10_margin"
from moments

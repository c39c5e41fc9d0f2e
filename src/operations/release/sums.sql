-- For each of two versions what a comparison of ratios needs, visitor by visitor: how many there were, and sums, squares and
-- products of what they were shown (e), what of it they clicked (c), how many lists that were (l), and how many of those were
-- fallbacks (f).
with
lists as (
    select
        outcomes.algorithm_version as version,
        coalesce(log.context ->> 'visitor', outcomes.request_id) as visitor,
        outcomes.request_id,
        count(*) as exposures,
        count(*) filter (where outcomes.is_clicked) as clicks,
        any_value(outcomes.variant) <> 'primary' as is_fallback
    from exposure_outcomes as outcomes
    inner join raw.exposure_log as log on log.request_id = outcomes.request_id
    where outcomes.algorithm_version in (?1, ?2)
        and outcomes.shown_at >= cast(?3 as timestamp)
        -- what an experiment shows is another matter
        and coalesce(log.context ->> 'model_role', 'primary') in ('primary', 'canary')
    group by all
),

visitors as (
    select
        version,
        visitor,
        cast(sum(exposures) as double) as e,
        cast(sum(clicks) as double) as c,
        cast(count(*) as double) as l,
        cast(count(*) filter (where is_fallback) as double) as f
    from lists
    group by version, visitor
)

select
    version,
    cast(count(*) as double),
    sum(e), sum(c), sum(e * e), sum(e * c), sum(c * c),
    sum(l), sum(f), sum(l * l), sum(l * f), sum(f * f)
from visitors
group by version

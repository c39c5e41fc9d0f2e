-- description: What other lists would have been clicked, judged by the lists that were shown and the probability of each
-- entry (propensity): the ranked lists without exploration, lists that hold only what just missed them, and lists that hold only new
-- datasets, each as often as it is tried. Inverse
-- propensity scoring (ips; Horvitz, Thompson 1952), the same with weights that add up to one (snips; Swaminathan,
-- Joachims 2015) and doubly robust (dr; Dudík, Langford, Li 2011; what it expects of an entry is its position's click rate),
-- with 95 % intervals, beside the plain click rate (ctr). Only of lists whose log states a propensity.
-- key: algorithm_version, endpoint, policy
-- column algorithm_version: The model version that made the list.
-- column endpoint: The route that answered.
-- column policy: ranked (lists without exploration), just missed (only what just missed them) or new (only new datasets).
-- column exposures: Exposures whose list states a propensity.
-- column matched_exposures: Exposures that the policy could have made too.
-- column ctr: Clicks per exposure as logged.
-- column ips: Click rate of the policy by inverse propensity scoring.
-- column ips_margin: Half the width of its 95 % interval.
-- column snips: The same with weights that add up to one.
-- column dr: The same, doubly robust.
-- column dr_margin: Half the width of its 95 % interval.
with
logged as (
    select
        request_id,
        algorithm_version,
        endpoint,
        position,
        cast(is_clicked as integer) as click,
        is_explored,
        is_new,
        propensity,
        new_propensity
    from exposure_outcomes
    where propensity > 0
),

positions as (
    select algorithm_version, endpoint, position, sum(click) / count(*) as expected
    from logged
    group by algorithm_version, endpoint, position
),

lists as (
    -- in a list of n positions with m runners-up: kept = 1 - rate / n - new, and a runner-up's is rate / n / m
    select request_id, any_value(1 - propensity) as explored_rate, any_value(new_propensity) as new_rate
    from logged
    where not is_explored
    group by request_id
),

-- with which probability a position of a list is what a policy would show, or is given to it
policies as (
    select lists.request_id, policy.policy, policy.rate
    from lists
    cross join
        lateral (
            values
            ('ranked', lists.explored_rate), ('just missed', lists.explored_rate - lists.new_rate), ('new', lists.new_rate)
        ) as policy (policy, rate)
    where policy.rate > 1e-9
),

weighted as (
    select
        logged.algorithm_version,
        logged.endpoint,
        policies.policy,
        logged.request_id,
        logged.position,
        logged.click,
        positions.expected,
        case
            when policies.policy = 'ranked' and not logged.is_explored then 1 / logged.propensity
            -- any of the m stands there with 1 / m: over rate / n / m; a new one with its share: over new times that
            when policies.policy = 'just missed' and logged.is_explored and not logged.is_new then 1 / policies.rate
            when policies.policy = 'new' and logged.is_new then 1 / policies.rate
            else 0
        end as weight
    from logged
    inner join policies on policies.request_id = logged.request_id
    inner join positions
        on positions.algorithm_version = logged.algorithm_version
            and positions.endpoint = logged.endpoint
            and positions.position = logged.position
),

moments as (
    select
        algorithm_version,
        endpoint,
        policy,
        count(*) as exposures,
        count(*) filter (where weight > 0) as matched_exposures,
        sum(click) / count(*) as ctr,
        sum(weight * click order by request_id, position) / count(*) as ips,
        sum(weight * click order by request_id, position) / nullif(sum(weight order by request_id, position), 0) as snips,
        sum(expected + weight * (click - expected) order by request_id, position) / count(*) as dr,
        sum(weight * weight * click order by request_id, position) / count(*) as ips_squared,
        sum(pow(expected + weight * (click - expected), 2) order by request_id, position) / count(*) as dr_squared
    from weighted
    group by algorithm_version, endpoint, policy
)

select
    algorithm_version,
    endpoint,
    policy,
    exposures,
    matched_exposures,
    round(ctr, 6) as ctr,
    round(ips, 6) as ips,
    round(margin_95(greatest(ips_squared - ips * ips, 0), exposures), 6) as ips_margin,
    round(snips, 6) as snips,
    round(dr, 6) as dr,
    round(margin_95(greatest(dr_squared - dr * dr, 0), exposures), 6) as dr_margin
from moments

-- description: How far scores are from probabilities: the mean distance of predicted from observed over the tenths of score_calibration
-- (expected calibration error; Naeini and others 2015), beside what chance alone makes of so few entries, and the distance of the rates
-- that half of the visits gives from those of the other, of which chance makes about twice as much.
-- key: basis, model, list
-- column basis: replayed (held-out steps) or shown (the exposure log).
-- column model: holdout, challenger, current or a version.
-- column list: detail or similar; of shown lists the route that answered.
-- column entries: Entries of lists.
-- column hits: How many were gone to, or clicked.
-- column predicted: The mean score.
-- column observed: Hits per entry.
-- column error: The mean distance of the mean score from the rate observed.
-- column chance_error: What that would be, on average, of scores that are right.
-- column calibrated_error: The mean distance of the rate that one half of the visits gives from that observed in the other.
-- column verdict: probability (the error is at most twice chance's, or a tenth of the rate observed), or order (only higher is better).
with
sums as (
    select
        basis,
        model,
        list,
        cast(sum(entries) as bigint) as entries,
        cast(sum(hits) as bigint) as hits,
        sum(entries * predicted order by tenth) / sum(entries) as predicted,
        sum(entries * abs(predicted - observed) order by tenth) / sum(entries) as error,
        -- the mean of |x| of a normal variable is 0.797885 of its deviation
        0.797885 * sum(sqrt(entries * observed * (1 - observed)) order by tenth) / sum(entries) as chance_error,
        sum(entries * calibrated_distance order by tenth) / sum(entries) as calibrated_error
    from score_calibration
    group by basis, model, list
)

select
    basis,
    model,
    list,
    entries,
    hits,
    round(predicted, 6) as predicted,
    round(hits / entries, 6) as observed,
    round(error, 6) as error,
    round(chance_error, 6) as chance_error,
    round(calibrated_error, 6) as calibrated_error,
    case when error <= greatest(2 * chance_error, hits / entries / 10) then 'probability' else 'order' end as verdict
from sums

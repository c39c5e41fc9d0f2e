-- description: What a score is worth: entries of lists by tenths of their scores, with how often the visitor went there next (of replayed
-- lists, on held-out steps) or clicked it (of shown lists, of the last 28 days with any), and the rate that the other half of the visits
-- gives for such a score, which never falls as the score rises (isotonic regression; Barlow and others 1972). Where predicted lies in the
-- interval of observed, the score is a probability; where not, calibrated is one.
-- key: basis, model, list, tenth
-- column basis: replayed (held-out steps) or shown (the exposure log).
-- column model: holdout, challenger, current or a version.
-- column list: detail or similar; of shown lists the route that answered.
-- column tenth: From 1, the lowest scores, to 10; entries of one score are in one tenth, so that some may be missing.
-- column entries: Entries with such scores.
-- column hits: How many were gone to, or clicked.
-- column score_low: The lowest score.
-- column score_high: The highest score.
-- column predicted: The mean score.
-- column observed: Hits per entry.
-- column observed_low: Lower end of its 95 % Wilson interval.
-- column observed_high: Upper end of its 95 % Wilson interval.
-- column calibrated: The rate that such scores have, rising with the score: the mean of what either half of the visits gives.
-- column calibrated_distance: How far the rate that one half gives is from that observed in the other, on average.
with
last_days as (
    select max(day) - 27 as first_day
    from exposures
),

entries as (
    select
        'replayed' as basis,
        listed.model,
        listed.list,
        hash(next_pages.visit_id) % 2 as half,
        -- exact, so that sums are the same in whatever order; and few, however many entries there are
        try_cast(listed.score as decimal(18, 5)) as score,
        listed.item_id = next_pages.next_dataset_id as is_hit
    from raw.offline_entries as listed
    inner join next_pages on next_pages.action_row_id = listed.action_row_id
    union all
    select
        'shown',
        exposure_outcomes.algorithm_version,
        exposure_outcomes.endpoint,
        hash(exposure_outcomes.request_id) % 2,
        try_cast(exposure_outcomes.score as decimal(18, 5)),
        exposure_outcomes.is_clicked
    from exposure_outcomes
    inner join last_days on last_days.first_day <= exposure_outcomes.day
),

scores as (
    select basis, model, list, score, half, count(*) as entries, count(*) filter (where is_hit) as hits
    from entries
    where score is not null
    group by basis, model, list, score, half
),

-- the tenth that the middle of a score's entries falls into
parted as (
    select
        basis,
        model,
        list,
        score,
        cast(floor(10 * (sum(sum(entries)) over up_to_here - sum(entries) / 2) / sum(sum(entries)) over whole) as integer) + 1 as tenth
    from scores
    group by basis, model, list, score
    window
        whole as (partition by basis, model, list),
        up_to_here as (partition by basis, model, list order by score)
),

scored as (
    select scores.*, parted.tenth
    from scores
    inner join parted
        on parted.basis = scores.basis
            and parted.model = scores.model
            and parted.list = scores.list
            and parted.score = scores.score
),

halves as (
    select basis, model, list, tenth, half, sum(entries) as entries, sum(hits) as hits
    from scored
    group by basis, model, list, tenth, half
),

-- every run of neighbouring tenths, with the rate of all of them together
runs as (
    select
        lowest.basis,
        lowest.model,
        lowest.list,
        lowest.half,
        lowest.tenth as first_tenth,
        highest.tenth as last_tenth,
        sum(between_them.hits) / sum(between_them.entries) as rate
    from halves as lowest
    inner join halves as highest
        on highest.basis = lowest.basis
            and highest.model = lowest.model
            and highest.list = lowest.list
            and highest.half = lowest.half
            and highest.tenth >= lowest.tenth
    inner join halves as between_them
        on between_them.basis = lowest.basis
            and between_them.model = lowest.model
            and between_them.list = lowest.list
            and between_them.half = lowest.half
            and between_them.tenth between lowest.tenth and highest.tenth
    group by lowest.basis, lowest.model, lowest.list, lowest.half, lowest.tenth, highest.tenth
),

-- the highest of the lowest rates that runs from there on have
lowest_rates as (
    select halves.basis, halves.model, halves.list, halves.half, halves.tenth, runs.first_tenth, min(runs.rate) as rate
    from halves
    inner join runs
        on runs.basis = halves.basis
            and runs.model = halves.model
            and runs.list = halves.list
            and runs.half = halves.half
            and halves.tenth between runs.first_tenth and runs.last_tenth
    group by halves.basis, halves.model, halves.list, halves.half, halves.tenth, runs.first_tenth
),

rising as (
    select basis, model, list, half, tenth, max(rate) as rate
    from lowest_rates
    group by basis, model, list, half, tenth
),

calibrated as (
    select
        halves.basis,
        halves.model,
        halves.list,
        halves.tenth,
        sum(rising.rate order by halves.half) / count(*) as rate,
        sum(halves.entries * abs(rising.rate - halves.hits / halves.entries) order by halves.half) / sum(halves.entries) as distance
    from halves
    inner join rising
        on rising.basis = halves.basis
            and rising.model = halves.model
            and rising.list = halves.list
            and rising.tenth = halves.tenth
            and rising.half = 1 - halves.half
    group by halves.basis, halves.model, halves.list, halves.tenth
),

tenths as (
    select
        basis,
        model,
        list,
        tenth,
        cast(sum(entries) as bigint) as entries,
        cast(sum(hits) as bigint) as hits,
        min(score) as score_low,
        max(score) as score_high,
        cast(sum(entries * score) as double) / sum(entries) as predicted
    from scored
    group by basis, model, list, tenth
)

select
    tenths.basis,
    tenths.model,
    tenths.list,
    tenths.tenth,
    tenths.entries,
    tenths.hits,
    round(cast(tenths.score_low as double), 6) as score_low,
    round(cast(tenths.score_high as double), 6) as score_high,
    round(tenths.predicted, 6) as predicted,
    round(tenths.hits / tenths.entries, 6) as observed,
    round(wilson_low(tenths.hits / tenths.entries, tenths.entries), 6) as observed_low,
    round(wilson_high(tenths.hits / tenths.entries, tenths.entries), 6) as observed_high,
    round(calibrated.rate, 6) as calibrated,
    round(calibrated.distance, 6) as calibrated_distance
from tenths
left join calibrated
    on calibrated.basis = tenths.basis
        and calibrated.model = tenths.model
        and calibrated.list = tenths.list
        and calibrated.tenth = tenths.tenth

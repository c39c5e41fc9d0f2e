-- description: What could be said of each variant after each day, of all lists up to then: its figure and how it differs from the
-- control's. The intervals hold at all looks together, so that one may look every day and stop whenever one is convinced.
-- Visitors are what was drawn, and each is one observation of all they were shown and did. The difference is made of differences
-- within each allocation, weighted by what they know; its variance is that of drawing anew who gets which variant.
-- key: experiment, experiment_variant, day
-- chart: line x=day y=rate by=experiment_variant low=rate_low high=rate_high
-- column experiment: The experiment; holdout compares who is held out of all of them with all others.
-- column experiment_variant: The variant.
-- column day: The day in REPORT_TIMEZONE.
-- column is_control: Whether the others are compared with it.
-- column visitors: Visitors up to the end of the day.
-- column shown: Lists, or visitors where the metric is orders or revenue.
-- column counted: Clicks, orders or revenue.
-- column rate: counted for each shown.
-- column rate_low: The lower end of its 95 % interval.
-- column rate_high: The upper end.
-- column difference: By how much the rate differs from the control's, within allocations; NULL of the control.
-- column difference_low: The lower end of its interval.
-- column difference_high: The upper end.
-- column least_difference: The smallest difference that is worth finding.
-- column is_enough: Whether enough has happened to say anything: 10 visitors who did what counts are expected in the smaller part.
-- column verdict: better, worse, no_difference_found (nothing worth finding), or too_early.
with
variants as (
    select experiment, experiment_variant, is_control, metric, least_effect
    from experiments
    union all by name
    select distinct experiment, experiment_variant
    from experiment_visitors
),

settings as (
    select
        experiment,
        coalesce(any_value(metric), 'clicks') as metric,
        coalesce(any_value(least_effect), 0.1) as least_effect,
        coalesce(
            min(experiment_variant) filter (where is_control),
            min(experiment_variant) filter (where experiment_variant = 'control'),
            min(experiment_variant)
        ) as control,
        -- in all comparisons together it may be wrong as often as in one
        0.05 / greatest(count(distinct experiment_variant) - 1, 1) as alpha
    from variants
    group by experiment
),

measured as (
    select
        seen.experiment,
        seen.allocation,
        seen.experiment_variant,
        seen.visitor,
        seen.day,
        case
            when settings.metric = 'clicks' then seen.lists
            -- each visitor once
            else cast(row_number() over visits = 1 as bigint)
        end as shown,
        -- a billion is a slip; 28 digits, since squares of 18 have no room in DuckDB's products
        cast(
            least(case settings.metric when 'clicks' then seen.clicks when 'orders' then seen.orders else seen.revenue end, 1e9)
            as decimal(28, 2)
        ) as counted
    from experiment_visitors as seen
    inner join settings on settings.experiment = seen.experiment
    window visits as (partition by seen.experiment, seen.allocation, seen.experiment_variant, seen.visitor order by seen.day)
),

-- each variant by itself: sums over visitors of what they were shown and did, of squares and of products, which a day changes by
-- what it adds to each visitor
own_days as (
    select
        experiment,
        experiment_variant,
        visitor,
        day,
        cast(sum(shown) as decimal(28, 2)) as shown,
        cast(sum(counted) as decimal(28, 2)) as counted
    from measured
    group by experiment, experiment_variant, visitor, day
),

own_totals as (
    select
        *,
        cast(sum(shown) over visits as decimal(28, 2)) as total_shown,
        cast(sum(counted) over visits as decimal(28, 2)) as total_counted,
        row_number() over visits = 1 as is_new
    from own_days
    window visits as (partition by experiment, experiment_variant, visitor order by day)
),

own_steps as (
    select
        experiment,
        experiment_variant,
        day,
        count(*) filter (where is_new) as visitors,
        sum(shown) as shown,
        sum(counted) as counted,
        sum(shown * (2 * total_shown - shown)) as shown_squared,
        sum(total_shown * total_counted - (total_shown - shown) * (total_counted - counted)) as product,
        sum(counted * (2 * total_counted - counted)) as counted_squared
    from own_totals
    group by experiment, experiment_variant, day
),

days as (
    select distinct experiment, day
    from experiment_visitors
),

seen_variants as (
    select distinct experiment, experiment_variant
    from experiment_visitors
),

grid as (
    select days.experiment, days.day, own_variants.experiment_variant
    from days
    inner join seen_variants as own_variants
        on own_variants.experiment = days.experiment
),

own as (
    select
        grid.experiment,
        grid.experiment_variant,
        grid.day,
        cast(coalesce(sum(steps.visitors) over until_then, 0) as bigint) as visitors,
        cast(coalesce(sum(steps.shown) over until_then, 0) as double) as shown,
        cast(coalesce(sum(steps.counted) over until_then, 0) as double) as counted,
        cast(coalesce(sum(steps.shown_squared) over until_then, 0) as double) as shown_squared,
        cast(coalesce(sum(steps.product) over until_then, 0) as double) as product,
        cast(coalesce(sum(steps.counted_squared) over until_then, 0) as double) as counted_squared
    from grid
    left join own_steps as steps
        on steps.experiment = grid.experiment
            and steps.experiment_variant = grid.experiment_variant
            and steps.day = grid.day
    window until_then as (partition by grid.experiment, grid.experiment_variant order by grid.day)
),

rates as (
    select
        *,
        counted / nullif(shown, 0) as rate,
        (counted_squared - 2 * counted / shown * product + counted / shown * counted / shown * shown_squared)
        / (shown * shown) * visitors / nullif(visitors - 1, 0) as variance
    from own
),

shares as (
    select
        experiment,
        allocation,
        experiment_variant,
        count(distinct visitor) as visitors,
        try_cast(try_cast(allocation as json) as map (varchar, double)) as shares
    from experiment_visitors
    group by experiment, allocation, experiment_variant
),

-- each variant beside the control, within one allocation
stretches as (
    select
        seen.experiment,
        seen.allocation,
        seen.experiment_variant,
        settings.control,
        -- which part of the two the variant is: what the log says or, where it does not, how many came
        coalesce(
            seen.shares[seen.experiment_variant] / nullif(seen.shares[seen.experiment_variant] + seen.shares[settings.control], 0),
            seen.visitors / (seen.visitors + controls.visitors)
        ) as part
    from shares as seen
    inner join settings on settings.experiment = seen.experiment and settings.control <> seen.experiment_variant
    inner join shares as controls
        on controls.experiment = seen.experiment
            and controls.allocation = seen.allocation
            and controls.experiment_variant = settings.control
),

pairs as (
    select
        stretches.experiment,
        stretches.allocation,
        stretches.experiment_variant,
        measured.visitor,
        measured.day,
        measured.experiment_variant <> stretches.control as is_variant,
        measured.shown,
        measured.counted,
        -- were it drawn anew who gets the variant, what somebody adds to the difference would vary by this
        cast(sqrt(stretches.part * (1 - stretches.part)) as decimal(7, 6)) as scale
    from stretches
    inner join measured
        on measured.experiment = stretches.experiment
            and measured.allocation = stretches.allocation
            and measured.experiment_variant in (stretches.experiment_variant, stretches.control)
),

pair_days as (
    select
        experiment,
        experiment_variant,
        visitor,
        day,
        cast(sum(scale * shown) as decimal(28, 6)) as shown,
        cast(sum(scale * counted) as decimal(28, 6)) as counted
    from pairs
    group by experiment, experiment_variant, visitor, day
),

pair_totals as (
    select
        *,
        cast(sum(shown) over visits as decimal(28, 6)) as total_shown,
        cast(sum(counted) over visits as decimal(28, 6)) as total_counted,
        row_number() over visits = 1 as is_new
    from pair_days
    window visits as (partition by experiment, experiment_variant, visitor order by day)
),

pair_steps as (
    select
        experiment,
        experiment_variant,
        day,
        count(*) filter (where is_new) as visitors,
        count(*) filter (where counted > 0 and total_counted = counted) as doers,
        sum(shown * (2 * total_shown - shown)) as shown_squared,
        sum(total_shown * total_counted - (total_shown - shown) * (total_counted - counted)) as product,
        sum(counted * (2 * total_counted - counted)) as counted_squared
    from pair_totals
    group by experiment, experiment_variant, day
),

stretch_steps as (
    select
        experiment,
        experiment_variant,
        allocation,
        day,
        sum(shown) filter (where is_variant) as shown,
        sum(counted) filter (where is_variant) as counted,
        sum(shown) filter (where not is_variant) as control_shown,
        sum(counted) filter (where not is_variant) as control_counted
    from pairs
    group by experiment, experiment_variant, allocation, day
),

stretch_looks as (
    select
        stretches.experiment,
        stretches.experiment_variant,
        stretches.allocation,
        grid.day,
        cast(coalesce(sum(steps.shown) over until_then, 0) as double) as shown,
        cast(coalesce(sum(steps.counted) over until_then, 0) as double) as counted,
        cast(coalesce(sum(steps.control_shown) over until_then, 0) as double) as control_shown,
        cast(coalesce(sum(steps.control_counted) over until_then, 0) as double) as control_counted
    from stretches
    inner join grid
        on grid.experiment = stretches.experiment and grid.experiment_variant = stretches.experiment_variant
    left join stretch_steps as steps
        on steps.experiment = stretches.experiment
            and steps.experiment_variant = stretches.experiment_variant
            and steps.allocation = stretches.allocation
            and steps.day = grid.day
    window until_then as (
        partition by stretches.experiment, stretches.experiment_variant, stretches.allocation order by grid.day
    )
),

scores as (
    select
        experiment,
        experiment_variant,
        day,
        -- by how much the variant got more than its part, and what that is for a difference of one
        sum(counted - shown * (counted + control_counted) / nullif(shown + control_shown, 0) order by allocation) as score,
        sum(shown * control_shown / nullif(shown + control_shown, 0) order by allocation) as information,
        sum(counted + control_counted) / nullif(sum(shown + control_shown), 0) as pooled_rate,
        least(sum(shown), sum(control_shown)) / nullif(sum(shown + control_shown), 0) as smaller_part
    from stretch_looks
    group by experiment, experiment_variant, day
),

compared as (
    select
        scores.*,
        cast(sum(steps.visitors) over until_then as double) as visitors,
        cast(sum(steps.doers) over until_then as double) as doers,
        cast(
            sum(steps.counted_squared) over until_then as double
        ) - 2 * scores.pooled_rate * cast(sum(steps.product) over until_then as double)
        + scores.pooled_rate * scores.pooled_rate * cast(sum(steps.shown_squared) over until_then as double) as squares
    from scores
    left join pair_steps as steps
        on steps.experiment = scores.experiment
            and steps.experiment_variant = scores.experiment_variant
            and steps.day = scores.day
    window until_then as (partition by scores.experiment, scores.experiment_variant order by scores.day)
),

differences as (
    select
        compared.experiment,
        compared.experiment_variant,
        compared.day,
        compared.score / nullif(compared.information, 0) as difference,
        settings.least_effect * compared.pooled_rate as least_difference,
        always_valid_margin(
            compared.squares / nullif(compared.information * compared.information, 0)
            * compared.visitors / nullif(compared.visitors - 1, 0),
            -- larger differences are looked for, too: they are seen early, and the least ones hardly later
            2 * settings.least_effect * compared.pooled_rate,
            settings.alpha
        ) as margin,
        coalesce(compared.doers * compared.smaller_part >= 10, false) as is_enough
    from compared
    inner join settings on settings.experiment = compared.experiment
),

looks as (
    select
        rates.experiment,
        rates.experiment_variant,
        rates.day,
        rates.experiment_variant = settings.control as is_control,
        rates.visitors,
        cast(rates.shown as bigint) as shown,
        rates.counted,
        rates.rate,
        always_valid_margin(rates.variance, 2 * settings.least_effect * rates.rate, 0.05) as rate_margin,
        differences.difference,
        differences.margin,
        differences.least_difference,
        coalesce(differences.is_enough and differences.margin is not null, false) as is_enough
    from rates
    inner join settings on settings.experiment = rates.experiment
    left join differences
        on differences.experiment = rates.experiment
            and differences.experiment_variant = rates.experiment_variant
            and differences.day = rates.day
)

select
    experiment,
    experiment_variant,
    day,
    is_control,
    visitors,
    shown,
    counted,
    rate,
    greatest(rate - rate_margin, 0) as rate_low,
    rate + rate_margin as rate_high,
    difference,
    difference - margin as difference_low,
    difference + margin as difference_high,
    least_difference,
    is_enough,
    case
        when is_control then null
        when not is_enough then 'too_early'
        when difference - margin > 0 then 'better'
        when difference + margin < 0 then 'worse'
        when difference - margin > -least_difference and difference + margin < least_difference then 'no_difference_found'
        else 'too_early'
    end as verdict
from looks

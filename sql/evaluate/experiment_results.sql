-- description: Where each variant of each experiment stands: what it was shown and earned, how it differs from the control, and what may be
-- said of that. A verdict once reached stays; it may be wrong in one of twenty experiments of which nothing is to be found, however
-- often one looks. Where clearly more or fewer visitors came to a variant than its share, nothing is said of any.
-- key: experiment, experiment_variant
-- export: parquet
-- column experiment: The experiment; holdout compares who is held out of all of them with all others.
-- column experiment_variant: The variant.
-- column place: Its place in the file, from 0; NULL where it is in the file no more.
-- column is_control: Whether the others are compared with it.
-- column state: planned, running, ended or stopped; removed where it is in the file no more.
-- column slot: The endpoint whose lists it changes.
-- column metric: What variants are compared by: clicks (for each list), orders or revenue (for each visitor).
-- column least_effect: The smallest change that is worth finding, as a share of the control's figure.
-- column share: The variant's share of those who take part, when the run began.
-- column starts_at: Its first moment, UTC; NULL where the file names none.
-- column ends_at: The first moment after it, UTC; NULL where the file names none.
-- column first_day: The first day with a list of the experiment.
-- column last_day: The last one.
-- column days: How many days lie from the first to the last.
-- column allocations: How many allocations it had.
-- column visitors: Visitors.
-- column lists: Lists that were answered.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column orders: Attributed conversions.
-- column revenue: What those brought.
-- column rate: The metric: clicks for each list, or orders or revenue for each visitor.
-- column rate_low: The lower end of its 95 % interval, which holds at all looks together.
-- column rate_high: The upper end.
-- column difference: By how much the rate differs from the control's, within allocations; NULL of the control.
-- column difference_low: The lower end of its interval, which holds at all looks together.
-- column difference_high: The upper end.
-- column effect: The difference as a share of the control's rate.
-- column is_enough: Whether enough has happened to say anything: 10 visitors who did what counts are expected in the smaller part.
-- column verdict: better, worse, no_difference_found (nothing worth finding), too_early, or sample_ratio_off; NULL of the control.
-- column decided_on: The first day on which that could be said.
-- column days_left: In how many days the interval is expected to be as narrow as the least effect; 0 where all is said; NULL where
-- nobody can tell, or it would take ten years.
-- column sample_ratio_p: How often chance alone parts visitors as far from their shares, for a single look (chi-square); NULL
-- without allocations.
-- column sample_ratio_evidence: How many times more likely other shares made these visitors than the allocated ones; holds at all
-- looks together.
-- column is_sample_ratio_off: Whether that is a thousand or more.
-- column smoothed_rate: The rate as far as it can be told from that of all variants: what tune allocates by.
with
arms as (
    select
        experiment,
        experiment_variant,
        count(distinct visitor) as visitors,
        cast(sum(lists) as bigint) as lists,
        cast(sum(exposures) as bigint) as exposures,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(orders) as bigint) as orders,
        cast(sum(revenue) as double) as revenue
    from experiment_visitors
    group by experiment, experiment_variant
),

spans as (
    select
        experiment,
        min(day) as first_day,
        max(day) as last_day,
        date_diff('day', min(day), max(day)) + 1 as days,
        count(distinct allocation) as allocations
    from experiment_visitors
    group by experiment
),

-- visitors by the variant that they met first
firsts as (
    select experiment, allocation, experiment_variant
    from experiment_visitors
    qualify row_number() over (partition by experiment, visitor order by first_shown_at, allocation, experiment_variant) = 1
),

arrived as (
    select experiment, allocation, experiment_variant, count(*) as visitors
    from firsts
    group by experiment, allocation, experiment_variant
),

expected as (
    select experiment, allocation, entries.entry.key as experiment_variant, entries.entry.value as share
    from (
        select distinct
            experiment,
            allocation,
            unnest(map_entries(try_cast(try_cast(allocation as json) as map (varchar, double)))) as entry
        from arrived
    ) as entries
    where entries.entry.value > 0
),

shares as (
    select
        expected.experiment,
        expected.allocation,
        expected.experiment_variant,
        expected.share / sum(expected.share) over allocated as share,
        coalesce(arrived.visitors, 0) as visitors,
        sum(coalesce(arrived.visitors, 0)) over allocated as total
    from expected
    left join arrived
        on arrived.experiment = expected.experiment
            and arrived.allocation = expected.allocation
            and arrived.experiment_variant = expected.experiment_variant
    window allocated as (partition by expected.experiment, expected.allocation)
),

-- a Dirichlet prior around the shares that weighs as much as 100 visitors (Lindon, Malek 2022)
ratios as (
    select
        experiment,
        allocation,
        sum((visitors - total * share) * (visitors - total * share) / (total * share) order by experiment_variant) as chi_square,
        count(*) - 1 as freedom,
        any_value(lgamma(100) - lgamma(100 + total)) + sum(
            lgamma(100 * share + visitors) - lgamma(100 * share) - visitors * ln(share)
            order by experiment_variant
        ) as log_evidence
    from shares
    where total > 0
    group by experiment, allocation
),

sample_ratios as (
    select
        experiment,
        chi_square_p(sum(chi_square order by allocation), sum(freedom)) as sample_ratio_p,
        exp(least(sum(log_evidence order by allocation), 700)) as sample_ratio_evidence
    from ratios
    group by experiment
),

last_looks as (
    from experiment_looks
    qualify row_number() over (partition by experiment, experiment_variant order by day desc) = 1
),

decisions as (
    select experiment, experiment_variant, arg_max(verdict, day) as verdict
    from experiment_looks
    where verdict in ('better', 'worse')
    group by experiment, experiment_variant
),

firsts_said as (
    select experiment, experiment_variant, verdict, min(day) as day
    from experiment_looks
    group by experiment, experiment_variant, verdict
),

standing as (
    select
        coalesce(known.experiment, arms.experiment) as experiment,
        coalesce(known.experiment_variant, arms.experiment_variant) as experiment_variant,
        known.place,
        coalesce(looks.is_control, known.is_control, false) as is_control,
        coalesce(max(known.state) over everything, 'removed') as state,
        max(known.slot) over everything as slot,
        coalesce(max(known.metric) over everything, 'clicks') as metric,
        coalesce(max(known.least_effect) over everything, 0.1) as least_effect,
        known.share,
        max(known.starts_at) over everything as starts_at,
        max(known.ends_at) over everything as ends_at,
        arms.visitors,
        arms.lists,
        arms.exposures,
        arms.clicks,
        arms.orders,
        arms.revenue,
        looks.rate,
        looks.rate_low,
        looks.rate_high,
        max(looks.rate) filter (where looks.is_control) over everything as control_rate,
        looks.difference,
        looks.difference_low,
        looks.difference_high,
        looks.least_difference,
        looks.is_enough,
        looks.shown,
        looks.counted,
        looks.verdict as look_verdict,
        decisions.verdict as decision
    from experiments as known
    full outer join arms on arms.experiment = known.experiment and arms.experiment_variant = known.experiment_variant
    left join last_looks as looks
        on looks.experiment = arms.experiment and looks.experiment_variant = arms.experiment_variant
    left join decisions
        on decisions.experiment = arms.experiment and decisions.experiment_variant = arms.experiment_variant
    window everything as (partition by coalesce(known.experiment, arms.experiment))
),

judged as (
    select
        standing.*,
        spans.first_day,
        spans.last_day,
        spans.days,
        spans.allocations,
        sample_ratios.sample_ratio_p,
        sample_ratios.sample_ratio_evidence,
        coalesce(sample_ratios.sample_ratio_evidence >= 1000, false) as is_sample_ratio_off,
        case
            when standing.is_control then null
            when sample_ratios.sample_ratio_evidence >= 1000 then 'sample_ratio_off'
            when standing.decision is not null then standing.decision
            when standing.look_verdict = 'no_difference_found' then 'no_difference_found'
            when standing.state not in ('planned', 'running') and standing.is_enough then 'no_difference_found'
            else 'too_early'
        end as verdict,
        (standing.difference_high - standing.difference_low) / 2 / nullif(standing.least_difference, 0) as width,
        cast(sum(cast(standing.counted as decimal(28, 2))) over everything as double)
        / nullif(cast(sum(standing.shown) over everything as double), 0) as common_rate
    from standing
    left join spans on spans.experiment = standing.experiment
    left join sample_ratios on sample_ratios.experiment = standing.experiment
    window everything as (partition by standing.experiment)
)

select
    judged.experiment,
    judged.experiment_variant,
    judged.place,
    judged.is_control,
    judged.state,
    judged.slot,
    judged.metric,
    judged.least_effect,
    judged.share,
    judged.starts_at,
    judged.ends_at,
    judged.first_day,
    judged.last_day,
    judged.days,
    judged.allocations,
    coalesce(judged.visitors, 0) as visitors,
    coalesce(judged.lists, 0) as lists,
    coalesce(judged.exposures, 0) as exposures,
    coalesce(judged.clicks, 0) as clicks,
    coalesce(judged.orders, 0) as orders,
    coalesce(judged.revenue, 0) as revenue,
    round(judged.rate, 6) as rate,
    round(judged.rate_low, 6) as rate_low,
    round(judged.rate_high, 6) as rate_high,
    round(judged.difference, 6) as difference,
    round(judged.difference_low, 6) as difference_low,
    round(judged.difference_high, 6) as difference_high,
    round(judged.difference / nullif(judged.control_rate, 0), 4) as effect,
    coalesce(judged.is_enough, false) as is_enough,
    judged.verdict,
    case when judged.verdict in ('better', 'worse', 'no_difference_found') then coalesce(firsts_said.day, judged.last_day) end
        as decided_on,
    case
        when judged.verdict in ('better', 'worse', 'no_difference_found') then 0
        -- the width goes down as the root of the time
        when judged.verdict = 'too_early' and judged.state = 'running' and judged.days * judged.width * judged.width < 3650
            then cast(greatest(ceil(judged.days * (judged.width * judged.width - 1)), 1) as bigint)
    end as days_left,
    round(judged.sample_ratio_p, 6) as sample_ratio_p,
    round(judged.sample_ratio_evidence, 3) as sample_ratio_evidence,
    judged.is_sample_ratio_off,
    -- as much as 200 lists or visitors of the rate of all
    round(
        ((coalesce(judged.control_rate + judged.difference, judged.rate)) * judged.shown + 200 * judged.common_rate)
        / (judged.shown + 200),
        6
    ) as smoothed_rate
from judged
left join firsts_said
    on firsts_said.experiment = judged.experiment
        and firsts_said.experiment_variant = judged.experiment_variant
        and firsts_said.verdict = judged.verdict

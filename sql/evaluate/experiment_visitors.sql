-- description: What each visitor saw and did in each experiment by day, apart for each allocation: what lies between two allocations is
-- never compared, since visitors of different times stand behind it. Of those held out of all experiments (holdout) beside all
-- others, too. Only lists since the experiment's start.
-- key: experiment, allocation, experiment_variant, visitor, day
-- column experiment: The experiment.
-- column allocation: Each variant's share when the lists were made, as JSON; unknown of lists whose log does not say it.
-- column experiment_variant: The variant.
-- column visitor: The visitor, without a name; where the log does not tell visitors apart, the user or the list.
-- column day: The day in REPORT_TIMEZONE.
-- column first_shown_at: When the first of these lists was answered, UTC.
-- column lists: Lists that were answered.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column orders: Attributed conversions.
-- column revenue: What those brought.
with
logged as (
    select
        request_id,
        shown_at,
        report_day(shown_at) as day,
        coalesce(visitor, 'user ' || user_id, request_id) as visitor,
        experiment,
        experiment_variant,
        allocation,
        holdout
    from stg_exposure
    where shown_at is not null and is_past(shown_at) and (experiment <> 'none' or holdout is not null)
),

memberships as (
    select request_id, shown_at, day, visitor, experiment, experiment_variant, coalesce(allocation, 'unknown') as allocation
    from logged
    where experiment <> 'none'
    union all
    select
        request_id,
        shown_at,
        day,
        visitor,
        'holdout',
        case when experiment = 'none' and experiment_variant = 'holdout' then 'holdout' else 'everyone_else' end,
        cast(json_object('everyone_else', round(1 - holdout, 6), 'holdout', holdout) as varchar)
    from logged
    where holdout is not null
),

earned as (
    select
        request_id,
        cast(sum(exposures) as bigint) as exposures,
        cast(sum(clicks) as bigint) as clicks,
        cast(sum(conversions) as bigint) as orders,
        sum(cast(revenue as decimal(18, 2))) as revenue
    from list_outcomes
    where request_id in (select logged.request_id from logged)
    group by request_id
),

started as (
    select experiment, any_value(starts_at) as starts_at
    from experiments
    group by experiment
)

select
    memberships.experiment,
    memberships.allocation,
    memberships.experiment_variant,
    memberships.visitor,
    memberships.day,
    min(memberships.shown_at) as first_shown_at,
    count(*) as lists,
    cast(sum(earned.exposures) as bigint) as exposures,
    cast(sum(earned.clicks) as bigint) as clicks,
    cast(sum(earned.orders) as bigint) as orders,
    cast(sum(earned.revenue) as decimal(18, 2)) as revenue
from memberships
inner join earned on earned.request_id = memberships.request_id
left join started on started.experiment = memberships.experiment
where started.starts_at is null or memberships.shown_at >= started.starts_at
group by
    memberships.experiment, memberships.allocation, memberships.experiment_variant, memberships.visitor, memberships.day

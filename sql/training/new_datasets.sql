-- description: Listed datasets of the last 30 days that lists have hardly shown yet, with what is believed of the appeal of each: how many
-- clicks it gets for each that its positions alone would bring. Before anything is known of one, it is one of the catalogue, whose appeals
-- are gamma distributed (mean and spread by moments; clicks are Poisson); its own clicks are added to that. One for which positions would
-- have brought 10 clicks is known well enough and tried no more.
-- key: dataset_id
-- unwindowed: of datasets only is_listed and created_at are read, which no visit changes.
-- test not_null: shape, rate
-- column dataset_id: The dataset.
-- column examined: Clicks that its positions in lists would have brought any dataset.
-- column clicks: Clicks that came.
-- column shape: Shape of the gamma distribution of its appeal.
-- column rate: Its rate; the mean is shape / rate.
with
told as (
    -- decimals: the same sum in whatever order
    select dataset_id, cast(sum(cast(examined as decimal(18, 6))) as double) as examined, cast(sum(clicks) as double) as clicks
    from list_evidence
    group by dataset_id
),

-- of one that was hardly looked at, a click says little and would move the spread much
sums as (
    select
        count(*) - 1 as freedom,
        cast(sum(cast(examined as decimal(18, 6))) as double) as examined,
        cast(sum(cast(examined * examined as decimal(28, 8))) as double) as squares,
        nullif(sum(clicks), 0) as clicks,
        cast(sum(cast(clicks * clicks / examined as decimal(28, 8))) as double) as lifts
    from told
    where examined >= 1
),

-- how far appeals lie apart, beyond what chance makes of so few clicks (DerSimonian, Laird 1986)
moments as (
    select
        clicks / examined as appeal,
        (lifts - clicks * clicks / examined - freedom * clicks / examined) / nullif(examined - squares / examined, 0) as variance
    from sums
),

-- lists show what is liked, whose appeals lie closer together than those of what is new: a spread of at least 0.7 of the mean, and of
-- all of it where nothing is known
catalogue as (
    select
        coalesce(appeal, 1) as appeal,
        case when variance is null then 1 else least(greatest(appeal * appeal / greatest(variance, 1e-6), 1), 2) end as shape
    from moments
)

select
    datasets.dataset_id,
    coalesce(told.examined, 0) as examined,
    cast(coalesce(told.clicks, 0) as bigint) as clicks,
    round(catalogue.shape + coalesce(told.clicks, 0), 6) as shape,
    round(catalogue.shape / catalogue.appeal + coalesce(told.examined, 0), 6) as rate
from datasets
cross join catalogue
left join told on told.dataset_id = datasets.dataset_id
where datasets.is_listed
    and datasets.created_at > getvariable('as_of') - interval 30 day
    and coalesce(told.examined, 0) < 10

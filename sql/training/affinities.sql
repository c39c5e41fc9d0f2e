-- description: How much more often two datasets are met together than chance would have it: positive pointwise mutual
-- information of organic co-visits (Levy, Goldberg 2014; contexts smoothed to the power 0.75), one lone meeting counting less.
-- What vectors of behaviour are made of.
-- key: dataset_id, other_id
-- column dataset_id: The dataset.
-- column other_id: The dataset it is met with.
-- column affinity: Pointwise mutual information in nats, above 0.
with
meetings as (
    select here.dataset_id, here.other_id, here.organic + coalesce(back.organic, 0) as weight
    from covisits as here
    left join covisits as back on back.dataset_id = here.other_id and back.other_id = here.dataset_id
    union all
    select back.other_id, back.dataset_id, back.organic
    from covisits as back
    where not exists (
            select 1 from covisits as here where here.dataset_id = back.other_id and here.other_id = back.dataset_id
        )
),

totals as (
    select dataset_id, 1 + sum(cast(weight as decimal(18, 4))) as weight
    from meetings
    where weight > 0
    group by dataset_id
),

all_totals as (
    select sum(pow(weight, 0.75) order by dataset_id) as smoothed
    from totals
),

scored as (
    select
        meetings.dataset_id,
        meetings.other_id,
        round(
            ln(meetings.weight * all_totals.smoothed / here.weight / pow(there.weight, 0.75)) * least(meetings.weight, 1),
            6
        ) as affinity
    from meetings
    cross join all_totals
    inner join totals as here on here.dataset_id = meetings.dataset_id
    inner join totals as there on there.dataset_id = meetings.other_id
    where meetings.weight > 0
)

select
    dataset_id,
    other_id,
    affinity
from scored
where affinity > 0
qualify row_number() over (partition by dataset_id order by affinity desc, other_id) <= 200

-- description: How strongly one dataset's page leads to another: both in one visit, nearer pages count more, the way
-- forward twice as much as the way back; two orders of one buyer count like two neighbouring pages.
-- Only what happened before train_until counts (all, where it is not set). Weights are summed as whole 5040ths, so that
-- the sum is the same in whatever order it is taken.
-- key: dataset_id, other_id
with
steps as (
    select visit_id, dataset_id, place
    from page_views
    where viewed_at < coalesce(getvariable('train_until'), timestamp 'infinity')
        and viewed_at <= getvariable('as_of')
),

visit_pairs as (
    select
        here.dataset_id,
        there.dataset_id as other_id,
        case when there.place > here.place then 5040 else 2520 end // abs(there.place - here.place) as weight,
        here.visit_id
    from steps as here
    inner join steps as there
        on there.visit_id = here.visit_id
        and there.place between here.place - 10 and here.place + 10
        and there.dataset_id <> here.dataset_id
),

bought as (
    select distinct user_id, dataset_id
    from orders
    where user_id is not null
        and ordered_at < coalesce(getvariable('train_until'), timestamp 'infinity')
        and ordered_at <= getvariable('as_of')
    qualify count(*) over (partition by user_id) <= 200
),

all_pairs as (
    select dataset_id, other_id, weight, visit_id, 0 as buyers
    from visit_pairs
    union all
    select here.dataset_id, there.dataset_id, 5040, null, 1
    from bought as here
    inner join bought as there on there.user_id = here.user_id and there.dataset_id <> here.dataset_id
)

select
    dataset_id,
    other_id,
    sum(weight) / 5040 as weight,
    count(distinct visit_id) as visits,
    cast(sum(buyers) as bigint) as buyers
from all_pairs
group by dataset_id, other_id

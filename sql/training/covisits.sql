-- description: How strongly one dataset's page leads to another: both in one visit, nearer pages count more, the way
-- forward twice as much as the way back; two orders of one buyer count like two neighbouring pages. What visitors found by
-- themselves (organic) is told from what lists made them click on the way (followed): the first says what belongs
-- together, the second mostly what was shown. Weights are summed as whole 5040ths, so that the sum is the same in whatever
-- order it is taken.
-- key: dataset_id, other_id
-- column dataset_id: The dataset.
-- column other_id: The dataset its page leads to.
-- column organic: Weight of what visitors found by themselves, in neighbouring pages.
-- column followed: Weight of what lists made them click.
-- column next_organic: Steps straight to it that they found by themselves.
-- column next_followed: Steps straight to it that a list led to.
-- column visits: Visits that hold both.
-- column buyers: Buyers who ordered both.
with
visit_pairs as (
    select
        here.dataset_id,
        there.dataset_id as other_id,
        case when there.place > here.place then 5040 else 2520 end // abs(there.place - here.place) as weight,
        here.followed <> there.followed as is_followed,
        there.place = here.place + 1 as is_next,
        here.visit_id
    from training_views as here
    inner join training_views as there
        on there.visit_id = here.visit_id
            and there.place between here.place - 10 and here.place + 10
            and there.dataset_id <> here.dataset_id
),

bought as (
    select distinct user_id, dataset_id
    from training_orders
    where user_id is not null
    qualify count(*) over (partition by user_id) <= 200
),

all_pairs as (
    select dataset_id, other_id, weight, is_followed, is_next, visit_id, 0 as buyers
    from visit_pairs
    union all
    select here.dataset_id, there.dataset_id, 5040, false, false, null, 1
    from bought as here
    inner join bought as there on there.user_id = here.user_id and there.dataset_id <> here.dataset_id
)

select
    dataset_id,
    other_id,
    coalesce(sum(weight) filter (where not is_followed), 0) / 5040 as organic,
    coalesce(sum(weight) filter (where is_followed), 0) / 5040 as followed,
    count(*) filter (where is_next and not is_followed) as next_organic,
    count(*) filter (where is_next and is_followed) as next_followed,
    count(distinct visit_id) as visits,
    cast(sum(buyers) as bigint) as buyers
from all_pairs
group by dataset_id, other_id

-- description: The datasets that visitors of a page go on to: the share of its co-visits (of few, less sure), organic and
-- followed apart, with the pull of sheer popularity taken down (relative views to the power 0.3), the best 150 a page.
-- key: dataset_id, neighbour_id
-- test relationships: dataset_id -> datasets.dataset_id
-- column dataset_id: The dataset on whose page visitors were.
-- column neighbour_id: The dataset they went on to.
-- column organic: Share of what they found by themselves, less the pull of popularity.
-- column followed: The same of what lists made them click.
-- column next_organic: Steps straight to it that they found by themselves.
-- column next_followed: Steps straight to it that a list led to.
-- column visits: Visits that hold both.
-- column buyers: Buyers who ordered both.
with
typical as (
    select avg(views) as views
    from popularity
),

totals as (
    select
        dataset_id,
        round(sum(cast(organic as decimal(18, 4))), 3) as organic,
        round(sum(cast(followed as decimal(18, 4))), 3) as followed
    from covisits
    group by dataset_id
),

scored as (
    select
        covisits.dataset_id,
        covisits.other_id as neighbour_id,
        covisits.organic / (4 + totals.organic) / pow((1 + popularity.views) / (1 + typical.views), 0.3) as organic,
        covisits.followed / (4 + totals.followed) / pow((1 + popularity.views) / (1 + typical.views), 0.3) as followed,
        covisits.next_organic,
        covisits.next_followed,
        covisits.visits,
        covisits.buyers
    from covisits
    cross join typical
    inner join totals on totals.dataset_id = covisits.dataset_id
    inner join datasets on datasets.dataset_id = covisits.other_id
    inner join popularity on popularity.dataset_id = covisits.other_id
    where datasets.is_listed
)

select
    dataset_id,
    neighbour_id,
    round(organic, 9) as organic,
    round(followed, 9) as followed,
    next_organic,
    next_followed,
    visits,
    buyers
from scored
qualify row_number() over (partition by dataset_id order by round(2 * organic + followed, 9) desc, neighbour_id) <= 150

-- description: The datasets that visitors of a page go on to: the share of its co-visits (of few, less sure), with the
-- pull of sheer popularity taken down (relative views to the power 0.3), the best 100 a page.
-- key: dataset_id, neighbour_id
with
popularity as (
    select
        dataset_id,
        count(*) as views
    from page_views
    where viewed_at < coalesce(getvariable('train_until'), timestamp 'infinity')
        and viewed_at <= getvariable('as_of')
    group by dataset_id
),

typical as (
    select coalesce(avg(views), 0) as views
    from popularity
),

scored as (
    select
        covisits.dataset_id,
        covisits.other_id as neighbour_id,
        covisits.weight
            / (4 + sum(covisits.weight) over (partition by covisits.dataset_id order by covisits.other_id
                rows between unbounded preceding and unbounded following))
            / pow((1 + coalesce(popularity.views, 0)) / (1 + typical.views), 0.3) as score,
        covisits.visits,
        covisits.buyers
    from covisits
    cross join typical
    inner join datasets on datasets.dataset_id = covisits.other_id
    left join popularity on popularity.dataset_id = covisits.other_id
    where datasets.is_listed
)

select
    dataset_id,
    neighbour_id,
    round(score, 9) as score,
    visits,
    buyers
from scored
qualify row_number() over (partition by dataset_id order by round(score, 9) desc, neighbour_id) <= 100

-- description: The newest visits that training may see, as the datasets they hold: what session neighbours are found among.
-- key: visit_id
-- column visit_id: Matomo's visit.
-- column ended_at: The last view in it, UTC.
-- column dataset_ids: The datasets viewed in it, newest first, at most 30.
with
held as (
    select
        visit_id,
        dataset_id,
        max(place) as place,
        max(viewed_at) as viewed_at
    from training_views
    group by visit_id, dataset_id
),

visits_of_many as (
    select
        visit_id,
        max(viewed_at) as ended_at,
        (list(dataset_id order by place desc))[1:30] as dataset_ids
    from held
    group by visit_id
    having count(*) >= 2
)

select
    visit_id,
    ended_at,
    dataset_ids
from visits_of_many
qualify row_number() over (order by ended_at desc, visit_id desc) <= 1000000

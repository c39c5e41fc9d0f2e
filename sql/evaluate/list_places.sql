-- description: The places that datasets had in lists and what visitors went to beside them, by visits in a thousand groups: of the first
-- ten of replayed lists on held-out steps and the next pages of those steps, and of the lists shown in the last 28 days with any and all
-- views of those days.
-- materialize: view
-- column basis: replayed (held-out steps) or shown (the exposure log).
-- column model: holdout, challenger, current or a version.
-- column list: detail or similar; of shown lists the route that answered.
-- column visit_group: A number of the visit, below a thousand; of shown lists of the visitor, where one is known.
-- column dataset_id: The dataset.
-- column exposed: Places it had.
-- column wanted: How often visitors went to it.
with
last_days as (
    select max(day) - 27 as first_day, max(day) as last_day
    from exposures
),

places as (
    select
        'replayed' as basis,
        listed.model,
        listed.list,
        hash(next_pages.visit_id) % 1000 as visit_group,
        listed.item_id as dataset_id,
        1 as exposed,
        0 as wanted
    from raw.offline_entries as listed
    inner join next_pages on next_pages.action_row_id = listed.action_row_id
    union all
    select 'replayed', listed.model, listed.list, hash(next_pages.visit_id) % 1000, next_pages.next_dataset_id, 0, 1
    from raw.offline_entries as listed
    inner join next_pages on next_pages.action_row_id = listed.action_row_id
    where listed.place = 1
    union all
    select
        'shown',
        exposures.algorithm_version,
        exposures.endpoint,
        hash(coalesce(shown_lists.visitor, exposures.request_id)) % 1000,
        exposures.dataset_id,
        1,
        0
    from exposures
    inner join last_days on last_days.first_day <= exposures.day
    inner join shown_lists on shown_lists.request_id = exposures.request_id
)

select basis, model, list, visit_group, dataset_id, cast(sum(exposed) as bigint) as exposed, cast(sum(wanted) as bigint) as wanted
from places
group by basis, model, list, visit_group, dataset_id
union all
select lists.basis, lists.model, lists.list, hash(page_views.visit_id) % 1000, page_views.dataset_id, 0, count(*)
from (select distinct places.basis, places.model, places.list from places where places.basis = 'shown') as lists
cross join last_days
inner join page_views on page_views.day between last_days.first_day and last_days.last_day
group by lists.basis, lists.model, lists.list, hash(page_views.visit_id) % 1000, page_views.dataset_id

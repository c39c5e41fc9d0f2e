-- description: Every step of a visit from one dataset's page to a different one: what a list on the first page should have
-- offered, what the visitor had looked at before in this visit (newest first), and what else was still to come.
-- key: action_row_id
with
steps as (
    select
        *,
        lead(dataset_id) over pages as next_dataset_id,
        list(dataset_id) over (pages rows between 20 preceding and 1 preceding) as before,
        list(dataset_id) over (pages rows between 1 following and 50 following) as after
    from page_views
    where viewed_at <= getvariable('as_of')
    window pages as (partition by visit_id order by place)
)

select
    action_row_id,
    visit_id,
    user_id,
    viewed_at,
    visit_first_viewed_at,
    dataset_id,
    next_dataset_id,
    list_reverse(coalesce(before, [])) as trail,
    list_filter(list_distinct(after), lambda id: id <> dataset_id) as later
from steps
where next_dataset_id <> dataset_id

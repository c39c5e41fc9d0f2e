-- description: Every step of a visit from one dataset's page to a different one: what a list on the first page should have
-- offered, what the visitor had looked at before in this visit (newest first), and what else was still to come.
-- key: action_row_id
-- column action_row_id: Matomo's row of the page (idlink_va).
-- column visit_id: Matomo's visit.
-- column user_id: The known user; NULL where nobody was logged in.
-- column viewed_at: When the page was opened, UTC.
-- column visit_first_viewed_at: When the first view of the visit was, UTC.
-- column dataset_id: The dataset on the page.
-- column next_dataset_id: The dataset the visitor went to next.
-- column trail: What was viewed before in this visit, newest first.
-- column later: What else was still to come, each once.
with
steps as (
    select
        *,
        lead(dataset_id) over pages as next_dataset_id,
        list(dataset_id) over (pages rows between 20 preceding and 1 preceding) as before,
        list(dataset_id) over (pages rows between 1 following and 50 following) as after
    from page_views
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

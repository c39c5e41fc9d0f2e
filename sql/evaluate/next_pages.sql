-- description: Every step of a visit from one dataset's page to a different one: what a list on the first page should have offered.
-- key: action_row_id
select
    here.action_row_id,
    here.visit_id,
    here.user_id,
    here.viewed_at,
    here.visit_first_viewed_at,
    here.dataset_id,
    there.dataset_id as next_dataset_id
from page_views as here
inner join page_views as there on there.visit_id = here.visit_id and there.place = here.place + 1
where there.dataset_id <> here.dataset_id
    and here.viewed_at <= getvariable('as_of')

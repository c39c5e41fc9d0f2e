-- description: Views of dataset pages by people, each with its place in the visit; payment pages are not views.
-- key: action_row_id
select
    action_row_id,
    visit_id,
    visitor_id,
    user_id,
    viewed_at,
    day,
    page_kind,
    dataset_id,
    request_id,
    click_position,
    row_number() over (partition by visit_id order by viewed_at, action_row_id) as place,
    min(viewed_at) over (partition by visit_id) as visit_first_viewed_at,
    max(viewed_at) over (partition by visit_id) as visit_last_viewed_at
from pages
where page_kind <> 'payment'

-- description: Views of dataset pages by people, each with its number in the visit; payment pages are not views.
-- key: action_row_id
-- column action_row_id: Matomo's row of the page (idlink_va).
-- column visit_id: Matomo's visit.
-- column visitor_id: Matomo's visitor (hex); one made of the visit where there is none.
-- column user_id: The known user; NULL where nobody was logged in.
-- column viewed_at: When it was opened, UTC.
-- column day: The day in REPORT_TIMEZONE.
-- column page_kind: detail or api.
-- column dataset_id: The dataset.
-- column request_id: The list it was followed from; NULL where it was found otherwise.
-- column click_position: The position in that list, as the page reports it.
-- column place: Its number among the views of its visit, from 1.
-- column visit_first_viewed_at: When the first view of its visit was, UTC.
-- column visit_last_viewed_at: When the last view of its visit was, UTC.
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

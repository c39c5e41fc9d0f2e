-- description: Events that tell of a click on a recommendation: with a request id, and the dataset that was clicked.
-- key: action_row_id
-- column action_row_id: Matomo's row of the event (idlink_va).
-- column visit_id: Matomo's visit.
-- column viewed_at: When it was clicked, UTC.
-- column day: The day in REPORT_TIMEZONE.
-- column dataset_id: The dataset that was clicked.
-- column request_id: The list it stood in.
select
    stg_link_visit_action.action_row_id,
    stg_link_visit_action.visit_id,
    stg_link_visit_action.viewed_at,
    report_day(stg_link_visit_action.viewed_at) as day,
    stg_link_visit_action.click_dataset_id as dataset_id,
    stg_link_visit_action.dimension_request_id as request_id
from stg_link_visit_action
inner join visits on visits.visit_id = stg_link_visit_action.visit_id
where stg_link_visit_action.is_event
    and stg_link_visit_action.click_dataset_id is not null
    and stg_link_visit_action.dimension_request_id is not null
    and stg_link_visit_action.viewed_at is not null
    and is_past(stg_link_visit_action.viewed_at)
    and not visits.is_bot

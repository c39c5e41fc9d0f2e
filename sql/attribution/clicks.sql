-- description: An exposed (request, dataset) that was viewed with that request id, counted once, at its first view.
-- key: request_id, dataset_id
-- column request_id: The answered list (req_…).
-- column dataset_id: The dataset.
-- column clicked_at: The first view with that request id, UTC.
-- column day: The day of that view in REPORT_TIMEZONE.
-- column visit_id: Matomo's visit of that view.
with
shown as (
    select distinct request_id, dataset_id
    from exposures
)

select
    page_views.request_id,
    page_views.dataset_id,
    min(page_views.viewed_at) as clicked_at,
    arg_min(page_views.day, (page_views.viewed_at, page_views.action_row_id)) as day,
    arg_min(page_views.visit_id, (page_views.viewed_at, page_views.action_row_id)) as visit_id
from page_views
inner join shown on shown.request_id = page_views.request_id and shown.dataset_id = page_views.dataset_id
group by page_views.request_id, page_views.dataset_id

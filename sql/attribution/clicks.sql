-- description: An exposed (request, dataset) that was viewed with that request id, or whose click an event tells of, counted once, at
-- the first.
-- key: request_id, dataset_id
-- test not_null: request_id, dataset_id
-- column request_id: The answered list (req_…).
-- column dataset_id: The dataset.
-- column clicked_at: The first view or event with that request id, UTC.
-- column day: Its day in REPORT_TIMEZONE.
-- column visit_id: Matomo's visit.
with
shown as (
    select distinct request_id, dataset_id
    from exposures
),

followed as (
    select request_id, dataset_id, viewed_at, day, visit_id, action_row_id
    from page_views
    union all
    select request_id, dataset_id, viewed_at, day, visit_id, action_row_id
    from click_events
)

select
    followed.request_id,
    followed.dataset_id,
    min(followed.viewed_at) as clicked_at,
    arg_min(followed.day, (followed.viewed_at, followed.action_row_id)) as day,
    arg_min(followed.visit_id, (followed.viewed_at, followed.action_row_id)) as visit_id
from followed
inner join shown on shown.request_id = followed.request_id and shown.dataset_id = followed.dataset_id
group by followed.request_id, followed.dataset_id

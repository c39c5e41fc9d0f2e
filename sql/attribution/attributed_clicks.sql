-- description: What was opened of what lists showed, and how it is known: by the request id (clicks), or, where a view carries none that
-- was exposed, by the visit: the dataset stood in a list that the same visit was shown in the half hour before. Such a view belongs to
-- the last of those lists; it may have been found otherwise, so it is kept apart.
-- key: request_id, dataset_id
-- column request_id: The answered list (req_…).
-- column dataset_id: The dataset.
-- column how: request_id or visit.
-- column clicked_at: The first view, UTC.
-- column day: Its day in REPORT_TIMEZONE.
-- column visit_id: Matomo's visit.
with
loose_views as (
    select action_row_id, visit_id, dataset_id, viewed_at, day
    from page_views
    where request_id is null or request_id not in (select exposures.request_id from exposures where exposures.position = 0)
),

led as (
    select
        loose_views.action_row_id,
        loose_views.visit_id,
        loose_views.dataset_id,
        loose_views.viewed_at,
        loose_views.day,
        arg_max(exposures.request_id, (exposures.shown_at, exposures.request_id)) as request_id
    from loose_views
    inner join list_visits on list_visits.visit_id = loose_views.visit_id
    inner join exposures
        on exposures.request_id = list_visits.request_id
            and exposures.dataset_id = loose_views.dataset_id
            and exposures.shown_at between loose_views.viewed_at - to_minutes(30) and loose_views.viewed_at
    group by all
)

select request_id, dataset_id, 'request_id' as how, clicked_at, day, visit_id
from clicks
union all
select
    led.request_id,
    led.dataset_id,
    'visit',
    min(led.viewed_at),
    arg_min(led.day, (led.viewed_at, led.action_row_id)),
    arg_min(led.visit_id, (led.viewed_at, led.action_row_id))
from led
left join clicks on clicks.request_id = led.request_id and clicks.dataset_id = led.dataset_id
where clicks.request_id is null
group by led.request_id, led.dataset_id

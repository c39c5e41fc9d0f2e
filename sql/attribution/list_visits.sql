-- description: The visit of Matomo's in which a list was shown, as far as the data tell: that of a click on it; else that of the view of
-- its page nearest to it in time, within half a minute, where no other visit's is as near and no other user's; else that of its user
-- which went on then.
-- key: request_id
-- column request_id: The answered list (req_…).
-- column visit_id: Matomo's visit.
-- column visitor_id: Matomo's visitor (hex).
-- column basis: What told: click, page or user.
with
lists as (
    select request_id, user_id, page_dataset_id, shown_at, epoch_ms(shown_at) as moment
    from exposures
    where position = 0
),

-- minutes make the join of lists and views one of equals
minutes as (
    select
        request_id,
        user_id,
        page_dataset_id,
        moment,
        unnest(list_distinct([(moment - 30000) // 60000, (moment + 30000) // 60000])) as minute
    from lists
    where page_dataset_id is not null
),

clicked as (
    select request_id, arg_min(visit_id, (clicked_at, dataset_id)) as visit_id
    from clicks
    group by request_id
),

near as (
    select minutes.request_id, page_views.visit_id, min(abs(epoch_ms(page_views.viewed_at) - minutes.moment)) as distance
    from minutes
    inner join page_views
        on page_views.dataset_id = minutes.page_dataset_id
            and epoch_ms(page_views.viewed_at) // 60000 = minutes.minute
            and coalesce(page_views.user_id = minutes.user_id, true)
    where abs(epoch_ms(page_views.viewed_at) - minutes.moment) <= 30000
    group by minutes.request_id, page_views.visit_id
),

nearest as (
    select request_id, arg_min(visit_id, (distance, visit_id)) as visit_id
    from near
    group by request_id
    having count(*) = 1 or min(distance, 2)[1] < min(distance, 2)[2]
),

user_visits as (
    select user_id, started_at, min(visit_id) as visit_id, arg_min(ended_at, visit_id) as ended_at
    from visits
    where user_id is not null and not is_bot
    group by user_id, started_at
),

going_on as (
    select lists.request_id, user_visits.visit_id
    from lists
    asof inner join user_visits
        on user_visits.user_id = lists.user_id
            and user_visits.started_at <= lists.shown_at
    where user_visits.ended_at >= lists.shown_at - to_minutes(30)
),

told as (
    select request_id, visit_id, 'click' as basis, 1 as rank from clicked
    union all
    select request_id, visit_id, 'page', 2 from nearest
    union all
    select request_id, visit_id, 'user', 3 from going_on
),

best as (
    select request_id, arg_min(visit_id, rank) as visit_id, arg_min(basis, rank) as basis
    from told
    group by request_id
)

select
    best.request_id,
    best.visit_id,
    visits.visitor_id,
    best.basis
from best
inner join visits on visits.visit_id = best.visit_id

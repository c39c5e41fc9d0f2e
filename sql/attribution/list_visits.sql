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
    select
        request_id,
        user_id,
        page_dataset_id,
        shown_at,
        unnest(list_distinct([epoch_ms(shown_at) // 60000, (epoch_ms(shown_at) - 30000) // 60000, (epoch_ms(shown_at) + 30000) // 60000]))
            as minute
    from exposures
    where position = 0
),

clicked as (
    select request_id, arg_min(visit_id, (clicked_at, dataset_id)) as visit_id
    from clicks
    group by request_id
),

-- minutes make the join one of equals
near as (
    select
        lists.request_id,
        page_views.visit_id,
        min(abs(epoch_ms(page_views.viewed_at) - epoch_ms(lists.shown_at))) as distance
    from lists
    inner join page_views
        on page_views.dataset_id = lists.page_dataset_id
            and epoch_ms(page_views.viewed_at) // 60000 = lists.minute
            and coalesce(page_views.user_id = lists.user_id, true)
    where abs(epoch_ms(page_views.viewed_at) - epoch_ms(lists.shown_at)) <= 30000
    group by lists.request_id, page_views.visit_id
),

nearest as (
    select request_id, arg_min(visit_id, (distance, visit_id)) as visit_id
    from near
    group by request_id
    having count(*) = 1 or min(distance, 2)[1] < min(distance, 2)[2]
),

going_on as (
    select distinct on (lists.request_id) lists.request_id, visits.visit_id
    from lists
    asof inner join visits
        on visits.user_id = lists.user_id
            and visits.started_at <= lists.shown_at
    where visits.ended_at >= lists.shown_at - to_minutes(30)
        and not visits.is_bot
    order by lists.request_id, visits.visit_id
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

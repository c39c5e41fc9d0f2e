-- description: The page views that training may see: those before train_until, without the visits that began from
-- held_out_from until held_out_until, where those are set. followed counts the steps of the visit so far that a recommendation led to.
-- key: action_row_id
-- column action_row_id: Matomo's row of the page (idlink_va).
-- column visit_id: Matomo's visit.
-- column visitor_id: Matomo's visitor (hex); one made of the visit where there is none.
-- column user_id: The known user; NULL where nobody was logged in.
-- column dataset_id: The dataset.
-- column viewed_at: When it was opened, UTC.
-- column place: Its number among the views of its visit, from 1.
-- column followed: Steps of the visit so far that a recommendation led to.
select
    action_row_id,
    visit_id,
    visitor_id,
    user_id,
    dataset_id,
    viewed_at,
    place,
    count(request_id) over (partition by visit_id order by place) as followed
from page_views
where may_train_on(viewed_at)
    and not is_held_out(visit_first_viewed_at)

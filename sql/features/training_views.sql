-- description: The page views that training may see: those before train_until, up to as_of, without the visits that
-- began from held_out_from until held_out_until, where those are set. followed counts the steps of the visit so far that a recommendation led to.
-- key: action_row_id
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
where viewed_at < coalesce(getvariable('train_until'), timestamp 'infinity')
    and viewed_at <= getvariable('as_of')
    and not coalesce(
        visit_first_viewed_at >= getvariable('held_out_from') and visit_first_viewed_at < getvariable('held_out_until'),
        false
    )

-- description: Views of a dataset that came from another dataset's page (the referrer, idaction_url_ref) on which a list had shown it
-- within the half hour before, each with that list, and whether it carries a request id that was exposed. Where no row of Matomo's
-- has a referrer, it is the page before in the visit, which is what Matomo writes there.
-- key: action_row_id
-- column action_row_id: Matomo's row of the page (idlink_va).
-- column visit_id: Matomo's visit.
-- column viewed_at: When it was opened, UTC.
-- column day: The day in REPORT_TIMEZONE.
-- column page_dataset_id: The dataset whose page it came from.
-- column dataset_id: The dataset that was viewed.
-- column request_id: The list: the one whose id the view carries, where it stood on that page; else the last that showed it there.
-- column endpoint: The route that answered it.
-- column is_tracked: Whether the view carries a request id that was exposed.
-- column is_unknown: Whether it carries one that no list of the exposure log has.
with
referrers as (
    select action_row_id, referrer_action_id
    from stg_link_visit_action
    where is_page_view and referrer_action_id is not null
    union all
    select action_row_id, lag(url_action_id) over (partition by visit_id order by viewed_at, action_row_id)
    from stg_link_visit_action
    where is_page_view
        and not exists (select 1 from stg_link_visit_action as any_row where any_row.referrer_action_id is not null)
),

came as (
    select
        page_views.action_row_id,
        page_views.visit_id,
        page_views.viewed_at,
        page_views.day,
        page_views.dataset_id,
        page_views.request_id,
        from_page.detail_dataset_id as page_dataset_id
    from page_views
    inner join referrers on referrers.action_row_id = page_views.action_row_id
    inner join stg_action as from_page on from_page.action_id = referrers.referrer_action_id
    where from_page.detail_dataset_id is not null
        and from_page.payment_dataset_id is null
),

shown as (
    select page_dataset_id, dataset_id, shown_at, min(request_id) as request_id, arg_min(endpoint, request_id) as endpoint
    from exposures
    where (page_dataset_id, dataset_id) in (select (came.page_dataset_id, came.dataset_id) from came)
    group by page_dataset_id, dataset_id, shown_at
),

excluded as (
    select distinct request_id
    from excluded_lists
),

lists as (
    select request_id, page_dataset_id, endpoint
    from exposures
    where position = 0
)

select
    came.action_row_id,
    came.visit_id,
    came.viewed_at,
    came.day,
    came.page_dataset_id,
    came.dataset_id,
    case when lists.page_dataset_id = came.page_dataset_id then lists.request_id else shown.request_id end as request_id,
    case when lists.page_dataset_id = came.page_dataset_id then lists.endpoint else shown.endpoint end as endpoint,
    lists.request_id is not null as is_tracked,
    came.request_id is not null and lists.request_id is null and excluded.request_id is null as is_unknown
from came
asof inner join shown
    on shown.page_dataset_id = came.page_dataset_id
        and shown.dataset_id = came.dataset_id
        and shown.shown_at <= came.viewed_at
left join lists on lists.request_id = came.request_id
left join excluded on excluded.request_id = came.request_id
where shown.shown_at >= came.viewed_at - to_minutes(30)

-- description: Every page of a dataset (view or payment) that a person, not a bot, opened, with the request id it followed.
-- key: action_row_id
-- column action_row_id: Matomo's row of the page (idlink_va).
-- column visit_id: Matomo's visit.
-- column visitor_id: Matomo's visitor (hex); one made of the visit where there is none.
-- column user_id: The known user; NULL where nobody was logged in.
-- column viewed_at: When it was opened, UTC.
-- column day: The day in REPORT_TIMEZONE.
-- column page_kind: detail, api or payment.
-- column dataset_id: The dataset.
-- column request_id: The list it was followed from; NULL where it was found otherwise.
-- column click_position: The position in that list, as the page reports it.
select
    stg_link_visit_action.action_row_id,
    stg_link_visit_action.visit_id,
    visits.visitor_id,
    visits.user_id,
    stg_link_visit_action.viewed_at,
    report_day(stg_link_visit_action.viewed_at) as day,
    case when stg_action.payment_dataset_id is not null then 'payment' when stg_action.is_api_page then 'api' else 'detail' end
        as page_kind,
    coalesce(stg_action.payment_dataset_id, stg_action.detail_dataset_id) as dataset_id,
    coalesce(stg_link_visit_action.dimension_request_id, stg_action.url_request_id) as request_id,
    stg_link_visit_action.click_position
from stg_link_visit_action
inner join stg_action on stg_action.action_id = stg_link_visit_action.url_action_id
inner join visits on visits.visit_id = stg_link_visit_action.visit_id
where stg_link_visit_action.is_page_view
    and not visits.is_bot
    and stg_link_visit_action.viewed_at is not null
    and is_past(stg_link_visit_action.viewed_at)
    and coalesce(stg_action.payment_dataset_id, stg_action.detail_dataset_id) is not null
    -- who came from a list of theirs is one of them
    and not exists (
        select 1
        from excluded_lists
        where excluded_lists.is_theirs
            and excluded_lists.request_id = coalesce(stg_link_visit_action.dimension_request_id, stg_action.url_request_id)
    )

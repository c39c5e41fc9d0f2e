-- description: Rows of Matomo that tell of a click on a recommendation without being the view it led to: events, interactions with a
-- content, and pages that carry click_{position}_{dataset}. What the words of an event (click_{position}_{dataset}, a link with rid=) or
-- the address of a content say goes before the custom dimensions, which may still tell how the page itself was reached.
-- key: action_row_id
-- column action_row_id: Matomo's row (idlink_va).
-- column visit_id: Matomo's visit.
-- column viewed_at: When it was clicked, UTC.
-- column day: The day in REPORT_TIMEZONE.
-- column dataset_id: The dataset that was clicked.
-- column request_id: The list it stood in.
-- column click_position: The position in that list, as the page reports it.
with
people as (
    select stg_link_visit_action.*
    from stg_link_visit_action
    inner join visits on visits.visit_id = stg_link_visit_action.visit_id
    left join stg_action as page on page.action_id = stg_link_visit_action.url_action_id
    where not visits.is_bot
        and stg_link_visit_action.viewed_at is not null
        and is_past(stg_link_visit_action.viewed_at)
        and (
            stg_link_visit_action.is_event
            or stg_link_visit_action.is_interaction
            or (
                stg_link_visit_action.is_page_view
                and stg_link_visit_action.click_dataset_id is not null
                and stg_link_visit_action.click_dataset_id is distinct from page.detail_dataset_id
            )
        )
),

texts as (
    -- what a row says in words: the most telling first
    select action_row_id, name_action_id as action_id, 1 as place from people where is_event
    union all
    select action_row_id, event_action_id, 2 from people where is_event
    union all
    select action_row_id, event_category_id, 3 from people where is_event
    union all
    select action_row_id, content_target_id, 4 from people where is_interaction
),

told as (
    select
        texts.action_row_id,
        arg_min(stg_action.told_click, texts.place) as click,
        -- a link tells of a click where it says both
        arg_min({ 'request_id': stg_action.url_request_id, 'dataset_id': stg_action.detail_dataset_id }, texts.place)
        filter (where stg_action.url_request_id is not null and stg_action.detail_dataset_id is not null) as link,
        arg_min(stg_action.told_request_id, texts.place) as request_id
    from texts
    inner join stg_action on stg_action.action_id = texts.action_id
    group by texts.action_row_id
),

clicks_told as (
    select
        people.action_row_id,
        people.visit_id,
        people.viewed_at,
        case
            when told.click is not null then try_cast(split_part(told.click, '_', 3) as bigint)
            else coalesce(struct_extract(told.link, 'dataset_id'), people.click_dataset_id)
        end as dataset_id,
        case
            when told.click is not null then coalesce(told.request_id, struct_extract(told.link, 'request_id'), people.dimension_request_id)
            when told.link is not null then struct_extract(told.link, 'request_id')
            else people.dimension_request_id
        end as request_id,
        case
            when told.click is not null then try_cast(split_part(told.click, '_', 2) as integer)
            when told.link is null then people.click_position
        end as click_position
    from people
    left join told on told.action_row_id = people.action_row_id
)

select
    action_row_id,
    visit_id,
    viewed_at,
    report_day(viewed_at) as day,
    dataset_id,
    request_id,
    click_position
from clicks_told
where dataset_id is not null
    and request_id is not null

-- description: What each whole day brought, by source table: events, and shares of them that lack something or are a fallback. Days
-- without an event count between a table's first day and the day before as_of.
-- key: table_name, measure, day
-- column table_name: source.table.
-- column measure: events (rows by their own time), no_user, no_visitor, no_price, no_request (page views that follow no list) or fallback.
-- column day: The day in REPORT_TIMEZONE.
-- column value: How many events, or the share, 0 to 1.
-- column of_rows: Of how many rows, where it is a share; else NULL.
with
events as (
    select
        'business.user' as table_name,
        report_day(created_at) as day,
        count(*) as events,
        -- none
        list_slice([{ 'measure': '', 'odd': cast(0 as bigint) }], 2, 1) as shares
    from users
    where created_at is not null
    group by day
    union all
    select 'business.dataset', report_day(created_at), count(*), [{ 'measure': 'no_price', 'odd': count(*) filter (where price is null) }]
    from datasets
    where created_at is not null
    group by report_day(created_at)
    union all
    select
        case order_kind when 'task' then 'business.task' else 'business.api_order' end,
        day,
        count(*),
        [
            { 'measure': 'no_user', 'odd': count(*) filter (where user_id is null) },
            { 'measure': 'no_price', 'odd': count(*) filter (where revenue is null) }
        ]
    from orders
    group by order_kind, day
    union all
    select
        'matomo.matomo_log_visit',
        day,
        count(*),
        [
            { 'measure': 'no_user', 'odd': count(*) filter (where user_id is null) },
            { 'measure': 'no_visitor', 'odd': count(*) filter (where visitor_id like 'visit-%') }
        ]
    from visits
    where day is not null and not is_bot
    group by day
    union all
    select
        'matomo.matomo_log_link_visit_action',
        day,
        count(*),
        [{ 'measure': 'no_request', 'odd': count(*) filter (where request_id is null) }]
    from page_views
    group by day
    union all
    select 'matomo.matomo_log_conversion', day, count(*), []
    from conversions
    group by day
    union all
    select
        'exposures.exposure_log',
        day,
        count(*),
        [
            { 'measure': 'no_user', 'odd': count(*) filter (where user_id is null) },
            { 'measure': 'fallback', 'odd': count(*) filter (where variant = 'fallback') }
        ]
    from exposures
    where position = 0
    group by day
),

whole as (
    from events
    where day < report_day(getvariable('as_of'))
),

spans as (
    select
        table_name,
        unnest(
            generate_series(
                cast(min(day) as timestamp), cast(report_day(getvariable('as_of')) - 1 as timestamp), interval 1 day
            )
        ) as day
    from whole
    group by table_name
)

select
    spans.table_name,
    'events' as measure,
    cast(spans.day as date) as day,
    cast(coalesce(whole.events, 0) as double) as value,
    cast(null as bigint) as of_rows
from spans
left join whole on whole.table_name = spans.table_name and whole.day = cast(spans.day as date)
union all
select
    table_name,
    share['measure'] as measure,
    day,
    share['odd'] / events as value,
    events
from (select table_name, day, events, unnest(shares) as share from whole)

-- description: What is viewed most in the last hour, day, week and month before as_of, beside the time as long before it.
-- key: timeframe, dataset_id
-- unwindowed: a list of its own; no candidate is judged by it.
-- column timeframe: 1h, 24h, 7d or 30d before as_of.
-- column dataset_id: The dataset.
-- column views: Views in that time.
-- column visitors: Different visitors in that time.
-- column visitors_before: Different visitors in the time as long before it.
-- column score: Visitors, times the root of their growth. A visitor counts once, however often they look.
with
timeframes as (
    select '1h' as timeframe, interval 1 hour as span
    union all
    select '24h', interval 1 day
    union all
    select '7d', interval 7 day
    union all
    select '30d', interval 30 day
),

counted as (
    select
        timeframes.timeframe,
        page_views.dataset_id,
        count(*) filter (where page_views.viewed_at > getvariable('as_of') - timeframes.span) as views,
        count(distinct page_views.visitor_id) filter (where page_views.viewed_at > getvariable('as_of') - timeframes.span) as visitors,
        count(distinct page_views.visitor_id) filter (where page_views.viewed_at <= getvariable('as_of') - timeframes.span)
            as visitors_before
    from timeframes
    inner join page_views
        on page_views.viewed_at > getvariable('as_of') - 2 * timeframes.span
            and may_train_on(page_views.viewed_at)
    group by timeframes.timeframe, page_views.dataset_id
)

select
    counted.timeframe,
    counted.dataset_id,
    counted.views,
    counted.visitors,
    counted.visitors_before,
    -- visitors first, then how much faster than before
    round(counted.visitors * sqrt((counted.visitors + 1.0) / (counted.visitors_before + 1.0)), 6) as score
from counted
inner join datasets on datasets.dataset_id = counted.dataset_id
where datasets.is_listed
    and counted.views > 0
qualify row_number() over (
        partition by counted.timeframe
        order by counted.visitors * sqrt((counted.visitors + 1.0) / (counted.visitors_before + 1.0)) desc, counted.dataset_id
    ) <= 200

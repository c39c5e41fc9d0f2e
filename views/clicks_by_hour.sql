-- description: When lists are clicked: weekdays and hours in REPORT_TIMEZONE. 点击的星期与时段分布。
-- materialize: table
-- chart: heat x=hour y=clicks by=weekday
-- key: weekday, hour
-- column weekday: From 1 Mon to 7 Sun.
-- column hour: Of the day, 0 to 23.
-- column clicks: Items that were clicked.
with
clicked as (
    select timezone(getvariable('report_timezone'), timezone('UTC', clicked_at)) as clicked_at
    from clicks
),

hours as (
    select
        isodow(clicked_at) as weekday,
        hour(clicked_at) as hour,
        count(*) as clicks
    from clicked
    group by isodow(clicked_at), hour(clicked_at)
),

weekdays as (
    select unnest(range(1, 8)) as weekday
),

week as (
    select weekday, unnest(range(24)) as hour
    from weekdays
)

select
    week.weekday || ' ' || ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'][week.weekday] as weekday,
    week.hour,
    coalesce(hours.clicks, 0) as clicks
from week
left join hours on hours.weekday = week.weekday and hours.hour = week.hour
order by week.weekday, week.hour

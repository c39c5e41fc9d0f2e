-- description: From lists that were shown to orders, over the last four weeks. 近四周推荐漏斗：列表、曝光、点击、订单。
-- chart: funnel x=stage y=number
-- key: stage
-- column stage: shown, clicked or ordered.
-- column number: Items that came so far.
-- column share: Their share of the stage before.
with
last as (
    select max(day) as day
    from figures_by_day
),

recent as (
    select
        cast(coalesce(sum(figures_by_day.exposures), 0) as bigint) as shown,
        cast(coalesce(sum(figures_by_day.clicks), 0) as bigint) as clicked,
        cast(coalesce(sum(figures_by_day.conversions), 0) as bigint) as ordered
    from figures_by_day
    cross join last
    where figures_by_day.breakdown = 'all'
        and figures_by_day.day > last.day - 28
),

stages as (
    select 1 as rank, 'shown' as stage, shown as number, null as before from recent
    union all
    select 2, 'clicked', clicked, shown from recent
    union all
    select 3, 'ordered', ordered, clicked from recent
)

select
    stage,
    number,
    round(number / nullif(before, 0), 4) as share
from stages
order by rank

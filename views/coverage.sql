-- description: How much of the catalogue is viewed, shown, clicked and ordered. 目录覆盖率。
-- chart: bar x=stage y=share
-- test: share between 0 and 1 or share is null
-- column stage: listed, viewed, shown, clicked or ordered at least once.
-- column datasets: Listed datasets that came so far.
-- column share: Their share of all listed ones.
with
listed as (
    select dataset_id, views, exposures, clicks, orders
    from dataset_features_v2
    where is_listed
),

stages as (
    select 1 as rank, 'listed' as stage, count(*) as datasets from listed
    union all
    select 2, 'viewed', count(*) from listed where views > 0
    union all
    select 3, 'shown', count(*) from listed where exposures > 0
    union all
    select 4, 'clicked', count(*) from listed where clicks > 0
    union all
    select 5, 'ordered', count(*) from listed where orders > 0
)

select
    stage,
    datasets,
    round(datasets / max(datasets) over (), 4) as share
from stages
order by rank

-- description: Pages whose lists were shown often and clicked less than a third as often as the mean. 没人点的推荐列表。
-- chart: table
-- column dataset_id: The dataset on whose page the lists stood.
-- column title: Its name.
-- column lists: Lists that were shown there.
-- column exposures: Entries that were shown.
-- column clicks: Entries that were clicked.
-- column ctr: Clicks per exposure.
with
pages_shown as (
    select
        page_dataset_id as dataset_id,
        count(distinct request_id) as lists,
        count(*) as exposures,
        count(*) filter (where is_clicked) as clicks
    from exposure_outcomes
    where page_dataset_id is not null
    group by page_dataset_id
),

overall as (
    select sum(clicks) / sum(exposures) as ctr
    from pages_shown
)

select
    pages_shown.dataset_id,
    dataset_features_v2.title,
    pages_shown.lists,
    pages_shown.exposures,
    pages_shown.clicks,
    round(pages_shown.clicks / pages_shown.exposures, 4) as ctr
from pages_shown
cross join overall
inner join dataset_features_v2 on dataset_features_v2.dataset_id = pages_shown.dataset_id
where pages_shown.lists >= 20
    and pages_shown.clicks / pages_shown.exposures < overall.ctr / 3
order by pages_shown.exposures desc, pages_shown.dataset_id

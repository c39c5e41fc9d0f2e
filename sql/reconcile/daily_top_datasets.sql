-- description: The ten datasets of each day that were clicked most in lists, among equals those shown most.
-- key: day, place
-- column day: The day in REPORT_TIMEZONE.
-- column place: From 1.
-- column dataset_id: The dataset.
-- column title: Its name.
-- column exposures: Exposures.
-- column clicks: Exposures that were clicked.
-- column conversions: Attributed conversions of what was shown that day.
-- column revenue: What those brought.
-- column ctr: Clicks per exposure.
-- column cvr: Attributed conversions per click; 0 without a click.
with
shown as (
    select
        day,
        dataset_id,
        count(*) as exposures,
        count(*) filter (where is_clicked) as clicks,
        cast(sum(conversions) as bigint) as conversions,
        sum(cents(revenue)) / 100.0 as revenue
    from exposure_outcomes
    where dataset_id is not null
    group by day, dataset_id
),

placed as (
    select *, row_number() over (partition by day order by clicks desc, exposures desc, dataset_id) as place
    from shown
)

select
    placed.day,
    placed.place,
    placed.dataset_id,
    datasets.title,
    placed.exposures,
    placed.clicks,
    placed.conversions,
    placed.revenue,
    round(placed.clicks / placed.exposures, 6) as ctr,
    coalesce(round(placed.conversions / nullif(placed.clicks, 0), 6), 0) as cvr
from placed
left join datasets on datasets.dataset_id = placed.dataset_id
where placed.place <= 10

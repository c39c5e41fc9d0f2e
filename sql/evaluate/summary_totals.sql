-- description: The figures of summary.json that the old system had, in one row. What was not measured is NULL.
-- column total_datasets_tracked: Datasets with a view or an order that Matomo saw.
-- column total_views: Views by people.
-- column total_conversions: Conversions with an order of a dataset.
-- column total_revenue: What those brought.
-- column average_conversion_rate: Mean over those datasets of conversions per view.
-- column exposures_total: Exposures.
-- column exposures_unique_users: Different known users who were shown a list.
-- column exposures_ctr: Clicks per exposure.
-- column exposures_cvr: Attributed conversions per click.
-- column vector_recall_hit_rate_at_50: Share of held-out steps whose next page is among the 50 datasets that texts say are
-- nearest.
-- column ranking_hit_rate_top20: Share of held-out steps whose next page is among the first 20 of the ranked list.
with
tracked as (
    select
        count(*) as datasets,
        sum(views) as views,
        sum(conversions) as conversions,
        sum(cents(revenue)) as revenue_cents,
        sum(cast(conversion_rate as decimal(18, 9))) / nullif(count(*), 0) as mean_rate
    from dataset_metrics
),

replayed as (
    select
        count(*) filter (where list = 'content') as content_steps,
        count(*) filter (where list = 'content' and place <= 50) as content_hits,
        count(*) filter (where list = 'detail') as detail_steps,
        count(*) filter (where list = 'detail' and place <= 20) as detail_hits
    from raw.offline_replays
    where model = 'holdout'
)

select
    tracked.datasets as total_datasets_tracked,
    cast(coalesce(tracked.views, 0) as bigint) as total_views,
    cast(coalesce(tracked.conversions, 0) as bigint) as total_conversions,
    coalesce(tracked.revenue_cents, 0) / 100.0 as total_revenue,
    round(cast(tracked.mean_rate as double), 6) as average_conversion_rate,
    coalesce(exposure_summary.exposures_total, 0) as exposures_total,
    coalesce(exposure_summary.exposures_unique_users, 0) as exposures_unique_users,
    exposure_summary.ctr as exposures_ctr,
    exposure_summary.cvr as exposures_cvr,
    round(replayed.content_hits / nullif(replayed.content_steps, 0), 6) as vector_recall_hit_rate_at_50,
    round(replayed.detail_hits / nullif(replayed.detail_steps, 0), 6) as ranking_hit_rate_top20
from tracked
cross join replayed
left join exposure_summary on true

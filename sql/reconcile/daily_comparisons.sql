-- description: Each day's main figures beside the day before and the mean of the week before. Days that nothing is known of are
-- in no mean.
-- key: day, metric
-- column day: The day in REPORT_TIMEZONE.
-- column metric: total_exposures, total_clicks, total_conversions, total_revenue, total_detail_views, overall_ctr or overall_cvr.
-- column value: That day's figure.
-- column previous_day: The figure of the day before.
-- column seven_day_average: Its mean over the seven days before.
-- column vs_previous_day: By which share it rose (below 0: fell) since the day before.
-- column vs_7day_avg: By which share it lies above (below 0: below) that mean.
with
figures as (
    unpivot (
        select
            day,
            cast(total_exposures as double) as total_exposures,
            cast(total_clicks as double) as total_clicks,
            cast(total_conversions as double) as total_conversions,
            cast(total_revenue as double) as total_revenue,
            cast(total_detail_views as double) as total_detail_views,
            overall_ctr,
            overall_cvr
        from daily_totals
    )
    on columns(* exclude (day))
    into name metric value value
),

compared as (
    select
        figures.day,
        figures.metric,
        figures.value,
        max(past.value) filter (where past.day = figures.day - 1) as previous_day,
        cast(avg(cast(past.value as decimal(28, 9))) as double) as seven_day_average
    from figures
    left join figures as past
        on past.metric = figures.metric and past.day between figures.day - 7 and figures.day - 1
    group by figures.day, figures.metric, figures.value
)

select
    day,
    metric,
    value,
    previous_day,
    round(seven_day_average, 6) as seven_day_average,
    round(value / nullif(previous_day, 0) - 1, 4) as vs_previous_day,
    round(value / nullif(seven_day_average, 0) - 1, 4) as vs_7day_avg
from compared

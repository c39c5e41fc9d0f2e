-- description: What each whole day brought (data_quality_days) beside what the same weekdays of the eight weeks before lead one to
-- expect, for the last eight weeks. A figure is taken to a scale on which chance moves all alike (twice the root of a count, the
-- arcsine root of a share); expected is the median of at least four such weekdays, and how far days usually lie from that is measured on
-- all days of those weeks, but is no less than chance alone makes. A day that lies four and a half times as far is odd: of days
-- without a fault that is less than one in 1,000 (docs/data-quality.md).
-- key: table_name, measure, day
-- column table_name: source.table.
-- column measure: events, or the share that it is of.
-- column day: The day in REPORT_TIMEZONE.
-- column value: What it was.
-- column of_rows: Of how many rows, where it is a share; else NULL.
-- column weeks: How many weekdays before it was compared with.
-- column expected: What was expected; NULL with fewer than four weekdays.
-- column low: Below this it is odd.
-- column high: Above this it is odd.
-- column distance: How far it lies from the expected, as a multiple of how far days usually lie.
-- column is_odd: Whether that is four and a half times as far or more.
with
scaled as (
    select
        table_name,
        measure,
        day,
        value,
        of_rows,
        case when of_rows is null then 2 * sqrt(value + 0.375) else 2 * sqrt(of_rows) * asin(sqrt(value)) end as size,
        -- what the scale is stretched by: shares of many rows move less
        case when of_rows is null then 1 else 2 * sqrt(of_rows) end as stretch
    from data_quality_days
),

centred as (
    select
        *,
        count(*) over weekdays as weeks,
        median(size / stretch) over weekdays as centre
    from scaled
    window weekdays as (
        partition by table_name, measure, isodow(day)
        order by day
        range between interval 56 day preceding and interval 1 day preceding
    )
),

missed as (
    select *, size - centre * stretch as miss, sqrt(1 + 1.57 / greatest(weeks, 1)) as chance
    from centred
),

judged as (
    select
        *,
        -- 1.4826 times the median is the standard deviation where misses are normal
        greatest(
            chance,
            coalesce(
                1.4826 * median(abs(miss)) over (
                    partition by table_name, measure
                    order by day
                    range between interval 56 day preceding and interval 1 day preceding
                ),
                chance
            )
        ) as usual_miss
    from missed
)

select
    table_name,
    measure,
    day,
    value,
    of_rows,
    weeks,
    case when weeks >= 4 then round(if(of_rows is null, pow(centre / 2, 2) - 0.375, pow(sin(centre), 2)), 6) end as expected,
    case
        when weeks >= 4
            then round(
                    if(
                        of_rows is null,
                        greatest(pow(greatest(centre - 4.5 * usual_miss, 0) / 2, 2) - 0.375, 0),
                        pow(sin(greatest(centre - 4.5 * usual_miss / stretch, 0)), 2)
                    ),
                    6
                )
    end as low,
    case
        when weeks >= 4
            then round(
                    if(
                        of_rows is null,
                        pow((centre + 4.5 * usual_miss) / 2, 2) - 0.375,
                        pow(sin(least(centre + 4.5 * usual_miss / stretch, pi() / 2)), 2)
                    ),
                    6
                )
    end as high,
    case when weeks >= 4 then round(miss / usual_miss, 3) end as distance,
    coalesce(weeks >= 4 and abs(miss) >= 4.5 * usual_miss, false) as is_odd
from judged
where day >= report_day(getvariable('as_of')) - 56

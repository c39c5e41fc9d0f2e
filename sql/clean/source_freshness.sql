-- description: How new each source table is: its rows, when the newest of them changed, and how long before the run's moment.
-- key: table_name
-- column table_name: The source and its table, as in business.dataset; exposures.exposure_log is what servers logged.
-- column rows: Rows stored of it; of the exposure log, lists that visitors were shown.
-- column newest_at: When the newest row changed, UTC; NULL where the table has no times.
-- column hours_old: Hours from then to the run's moment.
with
tables as (
    select source || '.' || table_name as table_name, rows, watermark as newest_at
    from raw.watermarks
    where coalesce(is_there, true)
    union all
    select 'exposures.exposure_log', count(distinct request_id), max(shown_at)
    from exposures
)

select
    table_name,
    rows,
    newest_at,
    round(date_diff('second', newest_at, getvariable('as_of')) / 3600, 2) as hours_old
from tables

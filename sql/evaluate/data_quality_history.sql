-- description: Scores and checks of this run and of those published before it, run by run; of days longer ago than a month the last run.
-- key: as_of, table_name, check_name
-- chart: line x=as_of y=value by=table_name
-- column as_of: The moment that the run stands for, UTC.
-- column day: Its day in REPORT_TIMEZONE.
-- column table_name: source.table, or what the figures are about.
-- column check_name: score (0 to 100), or a check of data_quality_checks.
-- column value: The score, or what the check found.
-- column rows: Rows of the table.
-- column findings: Rows, days or datasets that are odd.
with
current_run as (
    select table_name, 'score' as check_name, score as value, rows, anomalies as findings
    from data_quality_scores
    union all
    select table_name, check_name, value, rows, anomalies
    from data_quality_checks
)

select as_of, day, table_name, check_name, value, rows, findings
from raw.quality_history
where as_of < getvariable('as_of')
union all
select getvariable('as_of'), report_day(getvariable('as_of')), table_name, check_name, value, rows, findings
from current_run

-- description: What was odd on the last whole day against the same weekdays of the weeks before (data_quality_expected).
-- key: table_name, measure
-- column table_name: source.table.
-- column measure: events, or the share that it is of.
-- column day: The day in REPORT_TIMEZONE.
-- column value: What it was.
-- column expected: What was expected.
-- column low: Below this it is odd.
-- column high: Above this it is odd.
-- column distance: How far it lies from the expected, as a multiple of how far days usually lie.
-- column severity: info, warning or critical, as data_quality_policy says; there the check is called the measure of the day.
-- column owner: Whose it is to mend.
-- column is_blocking: Whether a run with it publishes nothing.
with
matched as (
    select
        data_quality_expected.*,
        data_quality_policy.severity,
        data_quality_policy.owner,
        data_quality_policy.is_blocking
    from data_quality_expected
    left join data_quality_policy
        on data_quality_expected.table_name like data_quality_policy.table_name
            and 'day.' || data_quality_expected.measure like data_quality_policy.check_name
    where data_quality_expected.is_odd
        and data_quality_expected.day = report_day(getvariable('as_of')) - 1
    qualify row_number() over (
            partition by data_quality_expected.table_name, data_quality_expected.measure
            order by data_quality_policy.rank desc nulls last
        ) = 1
)

select
    table_name,
    measure,
    day,
    value,
    expected,
    low,
    high,
    distance,
    coalesce(severity, 'warning') as severity,
    coalesce(owner, '') as owner,
    coalesce(is_blocking, false) as is_blocking
from matched

-- description: What was set aside of each source table, by column and reason: rows whose value could not be read or used, with an example.
-- key: source_table, column_name, reason
-- column source_table: The source table.
-- column column_name: The column.
-- column reason: What was wrong.
-- column rows: How many rows.
-- column table_rows: Of how many.
-- column filled_rows: In how many of those rows something stood.
-- column example: What stood in one of them.
with
reasons as (
    select source_table, column_name, reason, count(*) as rows, count(text_of(value)) as filled_rows, min(value) as example
    from rejected_rows
    where outcome in ('dropped', 'repaired', 'unlisted')
        and reason <> 'bot_visit'
        and source_table <> 'exposure_log'
    group by source_table, column_name, reason
)

select
    reasons.source_table,
    coalesce(reasons.column_name, '') as column_name,
    reasons.reason,
    reasons.rows,
    watermarks.rows as table_rows,
    reasons.filled_rows,
    reasons.example
from reasons
inner join raw.watermarks on watermarks.table_name = reasons.source_table

-- description: Each source table's rows, the share of them with nothing set aside, and whether the table was there at all.
-- key: table_name
-- column table_name: The source table.
-- column rows: Rows stored of it.
-- column rows_set_aside: Rows that were dropped or had a value set aside.
-- column quality_score: Share of rows with nothing set aside, 0 to 1.
-- column contract_status: 1 where the source has the table, else 0.
with
set_aside as (
    select source_table, count(distinct coalesce(source_key, '') || file || coalesce(row_number, 0)) as rows
    from rejected_rows
    where outcome in ('dropped', 'repaired')
    group by source_table
)

select
    watermarks.table_name,
    watermarks.rows,
    coalesce(set_aside.rows, 0) as rows_set_aside,
    round(case when watermarks.rows = 0 then 0 else greatest(1 - coalesce(set_aside.rows, 0) / watermarks.rows, 0) end, 6)
        as quality_score,
    cast(watermarks.is_there as integer) as contract_status
from raw.watermarks
left join set_aside on set_aside.source_table = watermarks.table_name

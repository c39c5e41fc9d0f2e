-- description: No order may get lost between the source and the reconciliation, but those named in rejected_rows.
with
counted as (
    select
        (select count(*) from raw.task) + (select count(*) from raw.api_order) as in_source,
        (select count(*) from recorded_orders) as kept,
        (
            -- rows of a database have no number; their keys tell them apart
            select count(distinct concat_ws(':', source_table, source_key, file, row_number))
            from rejected_rows
            where source_table in ('task', 'api_order') and outcome in ('dropped', 'not_yet')
        ) as dropped
)

select in_source, kept, dropped
from counted
where kept + dropped < in_source

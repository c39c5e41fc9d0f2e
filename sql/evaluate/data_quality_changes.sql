-- description: What is otherwise than in the run before, by table and column: rows, missing values, different values, the lowest and the
-- highest, new values and values that are gone. Nothing in the first run.
-- key: table_name, column_name, change
-- column table_name: source.table.
-- column column_name: The column; empty where it is about the table.
-- column change: rows, missing, different, lowest, highest, new_values, gone_values, new_column or gone_table.
-- column was: What it was in the run before.
-- column is_now: What it is now.
-- column difference: By how much it changed, where it is a number (missing in shares of the rows).
-- column since: The moment that the run before stands for, UTC.
with
before_run as (
    select max(as_of) as as_of
    from raw.quality_profiles
    where as_of < getvariable('as_of')
),

before_profiles as (
    select quality_profiles.*
    from raw.quality_profiles as quality_profiles
    inner join before_run on before_run.as_of = quality_profiles.as_of
),

before_values as (
    select quality_values.*
    from raw.quality_values as quality_values
    inner join before_run on before_run.as_of = quality_values.as_of
),

tables as (
    select table_name, max(rows) as rows
    from data_quality_profile
    group by table_name
),

before_tables as (
    select table_name, max(rows) as rows
    from before_profiles
    group by table_name
),

compared as (
    select
        now.table_name,
        now.column_name,
        unnest([
            {
                'change': 'missing',
                'was': cast(was.rows - was.filled as varchar),
                'is_now': cast(now.rows - now.filled as varchar),
                'difference': round((now.rows - now.filled) / now.rows - (was.rows - was.filled) / was.rows, 6)
            },
            {
                'change': 'different',
                'was': cast(was.different as varchar),
                'is_now': cast(now.different as varchar),
                'difference': cast(now.different as double) - was.different
            },
            { 'change': 'lowest', 'was': was.lowest, 'is_now': now.lowest, 'difference': cast(null as double) },
            { 'change': 'highest', 'was': was.highest, 'is_now': now.highest, 'difference': cast(null as double) }
        ]) as found
    from data_quality_profile as now
    inner join before_profiles as was on was.table_name = now.table_name and was.column_name = now.column_name
),

new_and_gone as (
    select
        coalesce(now.table_name, was.table_name) as table_name,
        coalesce(now.column_name, was.column_name) as column_name,
        case when was.value is null then 'new_values' else 'gone_values' end as change,
        coalesce(now.value, was.value) as value,
        coalesce(now.rows, was.rows) as rows
    from data_quality_values as now
    full join before_values as was
        on was.table_name = now.table_name
            and was.column_name = now.column_name
            and was.value = now.value
    where (was.value is null or now.value is null)
        and exists (select 1 from before_run where before_run.as_of is not null)
),

shown as (
    select
        table_name,
        column_name,
        change,
        count(*) as changed,
        string_agg(value, ', ' order by nth) filter (where nth <= 10) as examples
    from (
        select
            *,
            row_number() over (
                partition by table_name, column_name, change order by new_and_gone.rows desc, value
            ) as nth
        from new_and_gone
    )
    group by table_name, column_name, change
),

found as (
    select
        coalesce(tables.table_name, before_tables.table_name) as table_name,
        '' as column_name,
        'rows' as change,
        cast(coalesce(before_tables.rows, 0) as varchar) as was,
        cast(coalesce(tables.rows, 0) as varchar) as is_now,
        cast(coalesce(tables.rows, 0) as double) - coalesce(before_tables.rows, 0) as difference
    from tables
    full join before_tables on before_tables.table_name = tables.table_name
    union all
    select table_name, column_name, found.change, found.was, found.is_now, found.difference
    from compared
    union all
    select
        table_name,
        column_name,
        change,
        case change when 'gone_values' then examples end,
        case change when 'new_values' then examples end,
        changed
    from shown
)

select
    found.table_name,
    found.column_name,
    found.change,
    found.was,
    found.is_now,
    found.difference,
    before_run.as_of as since
from found
inner join before_run on before_run.as_of is not null
where found.was is distinct from found.is_now

-- description: The values of columns that hold one of a few kinds, and tags, with how many rows have each: what data_quality_changes finds
-- new values by. At most 20,000 of a column, the most frequent.
-- key: table_name, column_name, value
-- column table_name: source.table.
-- column column_name: The column.
-- column value: The value.
-- column rows: Rows that have it.
with
listed as (
    select 'business.dataset' as table_name, 'tags' as column_name, unnest(tags) as value
    from stg_dataset
    union all
    select 'business.dataset', 'provider', provider
    from stg_dataset
    union all
    select 'business.user', 'province', province
    from stg_user
    union all
    select 'matomo.matomo_log_visit', 'site_id', cast(site_id as varchar)
    from stg_visit
    union all
    select 'matomo.matomo_log_conversion', 'goal_id', cast(goal_id as varchar)
    from stg_conversion
    union all
    select
        'exposures.exposure_log',
        unnest(['endpoint', 'variant', 'experiment_variant', 'degrade_reason', 'source', 'device_type', 'algorithm_version']),
        unnest([endpoint, variant, experiment_variant, degrade_reason, source, device_type, algorithm_version])
    from stg_exposure
)

select table_name, column_name, value, count(*) as rows
from listed
where value is not null
group by table_name, column_name, value
qualify row_number() over (partition by table_name, column_name order by count(*) desc, value) <= 20000

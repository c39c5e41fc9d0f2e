-- description: One row per dataset as the marketplace keeps it, typed; what cannot be typed becomes NULL and stands in rejected_rows.
-- key: dataset_id
select
    try_cast(id as bigint) as dataset_id,
    nullif(trim(dataset_name), '') as title,
    description,
    tag,
    cast(try_cast(price as decimal(18, 4)) as double) as price,
    nullif(trim(create_company_name), '') as provider,
    coalesce(try_cast(is_delete as integer), cast(try_cast(is_delete as boolean) as integer), 0) = 1 as is_deleted,
    try_cast(cover_id as bigint) as cover_id,
    timezone('UTC', timezone(getvariable('business_timezone'), try_cast(create_time as timestamp))) as created_at,
    timezone('UTC', timezone(getvariable('business_timezone'), try_cast(update_time as timestamp))) as updated_at
from raw.dataset
where try_cast(id as bigint) is not null

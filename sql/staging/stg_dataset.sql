-- description: One row per dataset as the marketplace keeps it, typed; what cannot be typed becomes NULL and stands in rejected_rows.
-- key: dataset_id
select
    try_cast(id as bigint) as dataset_id,
    nullif(trim(dataset_name), '') as title,
    description,
    tag,
    money(price) as price,
    nullif(trim(create_company_name), '') as provider,
    flag(is_delete) = 1 as is_deleted,
    try_cast(cover_id as bigint) as cover_id,
    business_time(create_time) as created_at,
    business_time(update_time) as updated_at
from raw.dataset
where try_cast(id as bigint) is not null

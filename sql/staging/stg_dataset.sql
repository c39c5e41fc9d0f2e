-- description: One row per dataset as the marketplace keeps it, typed; what cannot be typed becomes NULL and stands in rejected_rows.
-- key: dataset_id
select
    whole_number(id) as dataset_id,
    words(dataset_name) as title,
    words(description) as description,
    tags(tag) as tags,
    money(price) as price,
    words(create_company_name) as provider,
    flag(is_delete) as is_deleted,
    -- whether something stands there that is no flag
    flag(is_delete) is null and flag_text(is_delete) is not null as is_deletion_unclear,
    whole_number(cover_id) as cover_id,
    business_time(create_time) as created_at,
    business_time(update_time) as updated_at
from raw.dataset
where whole_number(id) >= 0

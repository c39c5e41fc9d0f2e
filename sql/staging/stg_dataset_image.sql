-- description: One row per picture of a dataset, typed; image_url is a path below DATASET_IMAGE_ROOT.
-- key: image_id
select
    try_cast(id as bigint) as image_id,
    try_cast(dataset_id as bigint) as dataset_id,
    nullif(trim(image_url), '') as image_url,
    try_cast(image_order as integer) as image_order,
    business_time(create_time) as created_at
from raw.dataset_image
where try_cast(id as bigint) is not null

-- description: One row per picture of a dataset, typed; image_url is a path below DATASET_IMAGE_ROOT.
-- key: image_id
select
    whole_number(id) as image_id,
    whole_number(dataset_id) as dataset_id,
    text_of(image_url) as image_url,
    small_number(image_order) as image_order,
    business_time(create_time) as created_at
from raw.dataset_image
where whole_number(id) is not null

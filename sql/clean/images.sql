-- description: Pictures of datasets in their order; rank 1 is the cover where the dataset names none. Their image_url goes
-- into pages, so it is a path without a scheme, or http(s).
-- key: image_id
-- column image_id: The picture.
-- column dataset_id: The dataset.
-- column image_url: A path below DATASET_IMAGE_ROOT, or an address.
-- column created_at: When it was made, UTC.
-- column image_rank: Its rank among the pictures of its dataset, from 1.
select
    image_id,
    dataset_id,
    image_url,
    created_at,
    row_number() over (partition by dataset_id order by image_order nulls last, image_id) as image_rank
from stg_dataset_image
where is_image_path(image_url)
    and dataset_id is not null
    and is_past(created_at)

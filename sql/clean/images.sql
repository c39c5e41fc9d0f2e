-- description: Pictures of datasets in their order; rank 1 is the cover where the dataset names none. Their image_url goes
-- into pages, so it is a path without a scheme, or http(s).
-- key: image_id
select
    image_id,
    dataset_id,
    image_url,
    created_at,
    row_number() over (partition by dataset_id order by image_order nulls last, image_id) as image_rank
from stg_dataset_image
where regexp_matches(image_url, '(?i)^(https?://|[/\\]?[^/\\:?#[:cntrl:]]+([/\\?#]|$))[^[:cntrl:]]*$')
    and dataset_id is not null

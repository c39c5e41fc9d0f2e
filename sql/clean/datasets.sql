-- description: The catalogue as of the run, after the business rules: prices below nothing are unknown (never free). Only listed
-- datasets may be recommended.
-- key: dataset_id
-- test not_null: dataset_id, is_listed
-- column dataset_id: The dataset.
-- column title: Its name.
-- column description: Without mark-up; NULL where there is none.
-- column tags: In lower case, each once, sorted.
-- column price: NULL where it is unknown; 0 is free.
-- column provider: The company that offers it.
-- column cover_image: Path or address of its picture.
-- column image_count: Pictures it has.
-- column is_deleted: Whether the marketplace deleted it.
-- column is_listed: Whether it may be recommended: named, and plainly not deleted.
-- column created_at: When it was made, UTC.
-- column updated_at: When it was last changed, UTC; when it was made where that is unknown.
with
image_counts as (
    select dataset_id, count(*) as image_count
    from images
    group by dataset_id
)

select
    stg_dataset.dataset_id,
    stg_dataset.title,
    stg_dataset.description,
    coalesce(stg_dataset.tags, []) as tags,
    case when stg_dataset.price >= 0 then stg_dataset.price end as price,
    stg_dataset.provider,
    coalesce(cover.image_url, first_image.image_url) as cover_image,
    coalesce(image_counts.image_count, 0) as image_count,
    coalesce(stg_dataset.is_deleted, false) as is_deleted,
    stg_dataset.title is not null
    and not coalesce(stg_dataset.is_deleted, false)
    and not stg_dataset.is_deletion_unclear as is_listed,
    stg_dataset.created_at,
    coalesce(if_past(stg_dataset.updated_at), stg_dataset.created_at) as updated_at
from stg_dataset
left join image_counts on image_counts.dataset_id = stg_dataset.dataset_id
left join images as cover
    on cover.image_id = stg_dataset.cover_id and cover.dataset_id = stg_dataset.dataset_id
left join images as first_image
    on first_image.dataset_id = stg_dataset.dataset_id and first_image.image_rank = 1
where is_past(stg_dataset.created_at)

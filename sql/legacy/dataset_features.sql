-- description: The old system's catalogue: datasets that are not deleted, under the names of the marketplace's columns. What is
-- worked out of them is in dataset_features_v2.
-- key: dataset_id
-- export: parquet
-- column dataset_id: The dataset.
-- column dataset_name: Its name.
-- column description: Without mark-up; empty where there is none.
-- column tag: Its tags with semicolons between; empty where there is none.
-- column price: NULL where it is unknown; 0 is free.
-- column create_company_name: The company that offers it; empty where it is unknown.
-- column cover_id: The picture that the marketplace calls its cover.
-- column create_time: When it was made, UTC.
select
    datasets.dataset_id,
    datasets.title as dataset_name,
    coalesce(datasets.description, '') as description,
    array_to_string(datasets.tags, ';') as tag,
    datasets.price,
    coalesce(datasets.provider, '') as create_company_name,
    stg_dataset.cover_id,
    datasets.created_at as create_time
from datasets
inner join stg_dataset on stg_dataset.dataset_id = datasets.dataset_id
where not datasets.is_deleted

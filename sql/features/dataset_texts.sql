-- description: The words a dataset is known by, as the text vectors read them: addresses and mark-up taken out.
-- key: dataset_id
select
    dataset_id,
    coalesce(title, '') as title,
    array_to_string(tags, ' ; ') as tags,
    coalesce(provider, '') as provider,
    left(regexp_replace(coalesce(description, ''), '\(?(https?|s3)://[^\s)]+\)?|[\[\]*#`]', ' ', 'g'), 8000) as description
from datasets

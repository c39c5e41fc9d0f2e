-- description: The words a dataset is known by, as the text vectors read them: addresses and mark-up taken out.
-- key: dataset_id
-- column dataset_id: The dataset.
-- column title: Its name; empty where there is none.
-- column tags: Its tags, with ; between.
-- column provider: The company that offers it; empty where unknown.
-- column description: Without addresses and mark-up, at most 8,000 characters.
select
    dataset_id,
    coalesce(title, '') as title,
    array_to_string(tags, ' ; ') as tags,
    coalesce(provider, '') as provider,
    left(regexp_replace(coalesce(description, ''), '\(?(https?|s3)://[^\s)]+\)?|[\[\]*#`]', ' ', 'g'), 8000) as description
from datasets

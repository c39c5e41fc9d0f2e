-- description: The id that follows a path (a regular expression) in a page's URL and ends there: dataDetail/7?from=x has 7,
-- dataDetail/7.5 and dataDetail/7abc have none.
create or replace macro url_dataset_id(url, path) as
try_cast(nullif(regexp_extract(url, path || '/(\d+)(?:[.]html?\b|[^0-9A-Za-z_.,-]|$)', 1), '') as bigint)

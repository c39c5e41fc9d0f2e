-- description: The words of a JSON object that names something: its display name, name, title or label, or those of one language
-- (Chinese, else English, else the first there is). NULL where it has none.
create or replace macro label_of(value) as
json_extract_string(json_of(value), list_filter(
    ['$.display_name', '$.name', '$.title', '$.label', '$.zh', '$."zh-CN"', '$.zh_CN', '$."zh-Hans"', '$.en', '$."en-US"', '$.en_US']
    || list_transform(
        list_filter(
            json_keys(json_of(value)),
            -- languages by ISO 639-1, but for id, no and others that are also names of columns
            lambda name: name ~ '(?:ar|cs|de|el|en|es|fi|fr|he|hi|hu|it|ja|ko|nb|nl|pl|pt|ru|sv|th|tr|uk|vi|zh)(?:[-_][A-Za-z]{2,4})?'
        ),
        lambda name: '$."' || name || '"'
    ),
    lambda path: json_type(json_of(value), path) = 'VARCHAR' and text_of(json_extract_string(json_of(value), path)) is not null
)[1])

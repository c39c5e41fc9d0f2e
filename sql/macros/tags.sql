-- description: Tags out of text that separates them, a JSON array of texts or of objects with a name, or the text of one: in lower case,
-- each once, sorted.
create or replace macro tags(value) as
list_sort(list_distinct(list_filter(
    list_transform(
        case
            when regexp_matches(value, '^\s*\[') and json_valid(
                    value
                )
                then list_transform(
                        json_extract(json_of(value), '$[*]'),
                        lambda tag: without_markup(case json_type(tag)
                            when 'OBJECT' then label_of(tag) when 'ARRAY' then null else json_extract_string(tag, '$')
                        end)
                    )
            when regexp_matches(value, '^\s*\{') and json_valid(value) then [without_markup(label_of(value))]
            -- as Python and PostgreSQL write lists
            when regexp_full_match(
                    value, '\s*(?:\[[^\[\]]*\]|\{[^{}]*\})\s*'
                )
                then list_transform(
                        regexp_split_to_array(without_markup(regexp_replace(value, '^\s*[\[{]|[\]}]\s*$', '', 'g')), '[;；,，、|]'),
                        lambda tag: regexp_replace(tag, '^\s*[''"]|[''"]\s*$', '', 'g')
                    )
            else regexp_split_to_array(without_markup(value), '[;；,，、|]')
        end,
        lambda tag: lower(text_of(tag))
    ),
    lambda tag: tag is not null
)))

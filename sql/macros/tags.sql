-- description: Tags out of text that separates them, a JSON array of texts or of objects with a name, or the text of one, in quotation
-- marks or without: in lower case, each once, sorted.
create or replace macro tags(value) as
list_sort(list_distinct(list_filter(
    list_transform(
        case
            when regexp_matches(value, '^\s*\[') and json_valid(
                    value
                )
                then list_transform(
                        json_extract(json_of(value), '$[*]'),
                        lambda tag: without_markup(entities_once(case json_type(tag)
                            when 'OBJECT' then label_of(tag) when 'ARRAY' then null else json_extract_string(tag, '$')
                        end))
                    )
            when regexp_matches(value, '^\s*\{') and json_valid(value) then [without_markup(entities_once(label_of(value)))]
            -- as Python and PostgreSQL write lists, and as JSON is where it was cut short
            when regexp_full_match(
                    value, '\s*(?:\[[^\[\]]*\]?|\{[^{}]*\}|[(]\s*u?[''"][^()]*[)])\s*'
                )
                then list_transform(
                        regexp_split_to_array(
                            without_markup(entities_once(regexp_replace(value, '^\s*[\[{(]|[\]})]\s*$', '', 'g'))), '[;；,，、|]'
                        ),
                        lambda tag: regexp_replace(tag, '^\s*u?[''"]|[''"]\s*$', '', 'g')
                    )
            else list_transform(
                    regexp_split_to_array(without_markup(entities_once(value)), '[;；,，、|]'),
                    lambda tag: regexp_replace(tag, '^\s*(?:''([^'']*)''|"([^"]*)")\s*$', '\1\2')
                )
        end,
        lambda tag: lower(text_of(regexp_replace(tag, '\p{Cc}', '', 'g')))
    ),
    lambda tag: tag is not null
)))

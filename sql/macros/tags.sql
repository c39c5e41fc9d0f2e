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
                        json_extract(value, '$[*]'),
                        lambda tag: case json_type(tag)
                            when 'OBJECT' then label_of(tag) when 'ARRAY' then null else json_extract_string(tag, '$')
                        end
                    )
            when regexp_matches(value, '^\s*\{') and json_valid(value) then [label_of(value)]
            else regexp_split_to_array(
                    decoded(regexp_replace(value, '^\s*\[|\]\s*$', '', 'g')), '[;；,，、|]'
                )
        end,
        lambda tag: lower(without_markup(
            case when starts_with(ltrim(value), '[') then regexp_replace(tag, '^\s*[''"]|[''"]\s*$', '', 'g') else tag end
        ))
    ),
    lambda tag: tag is not null
)))

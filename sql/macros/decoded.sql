-- description: Text with its HTML entities as the characters they stand for, once: &amp;lt; is &lt;.
create or replace macro decoded(value) as
case
    when contains(
            value, '&'
        )
        then string_split(value, '&')[1] || array_to_string(list_transform(
                list_transform(
                    list_transform(
                        string_split(value, '&')[2:],
                        lambda part: {
                            'part': part, 'initial': part[1], 'name': nullif(regexp_extract(part, '^([#A-Za-z0-9]{2,32});', 1), '')
                        }
                    ),
                    lambda entity: { 'part': entity.part, 'name': entity.name, 'codes': html_codes(entity.name, entity.initial) }
                ),
                lambda entity: coalesce(
                    html_code_point(try_cast(split_part(entity.codes, '+', 1) as integer))
                    || coalesce(html_code_point(try_cast(split_part(entity.codes, '+', 2) as integer)), '')
                    || entity.part[length(entity.name) + 2:],
                    '&' || entity.part
                )
            ), '')
    else value
end

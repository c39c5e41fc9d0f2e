-- description: The text of a time in one order (2026-10-1 9:05:00 pm +08:00) out of the forms that programs and people write it in: JSON
-- of MongoDB, PHP and Jackson, /Date(…)/, RFC 2822, JavaScript's, digits alone, 年月日.
create or replace macro time_text(value) as
list_transform(
    [plain_characters(case
        when starts_with(
                value, '{'
            )
            then coalesce(
                    try(value ->> '$."$date"."$numberLong"'),
                    try(value ->> '$."$date"'),
                    try((value ->> '$.date') || ' ' || (value ->> '$.timezone'))
                )
        else value
    end)],
    lambda text: case
        -- digits that are a date to the minute; to the hour they could be seconds as well
        when regexp_matches(text, '^(?:19|2[01])[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])(?:[01][0-9]|2[0-3])(?:[0-5][0-9])?$')
            then regexp_replace(regexp_extract(text, '^.{12}$'), '^(.{4})(.{2})(.{2})(.{2})(.{2})$', '\1-\2-\3 \4:\5')
        when regexp_matches(text, '^[0-9.]+(?:[eE][+]?[0-9]+)?$')
            and not regexp_matches(text, '^(?:[0-9]{8}|[0-9]{14})(?:[.]0*)?$|[.].*[.]')
            then text
        when starts_with(text, '/Date(') then regexp_extract(text, '^/Date[(]([0-9]+)(?:[+-][0-9]{4})?[)]/$', 1)
        when starts_with(
                text, '['
            )
            then list_transform(
                    [regexp_extract(
                        text,
                        '^\[ ?([0-9]{4}), ?([0-9]{1,2}), ?([0-9]{1,2})(?:, ?([0-9]{1,2}), ?([0-9]{1,2})'
                        || '(?:, ?([0-9]{1,2})(?:, ?([0-9]{1,9}))?)?)?\]$',
                        ['year', 'month', 'day', 'hour', 'minute', 'second', 'nano']
                    )],
                    lambda part: concat(
                        part.year, '-', part.month, '-', part.day,
                        ' ' || nullif(part.hour, '') || ':' || part.minute,
                        ':' || nullif(part.second, ''),
                        '.' || lpad(nullif(part.nano, ''), 9, '0')
                    )
                )[1]
        -- a date of digits alone, with its time or without
        when regexp_matches(
                text, '^[0-9]{8}(?:[T ]?[0-9]{4}(?:[0-9]{2})?(?:[.]0*$|[.][0-9]{1,9})?|[.]0*$)?(?:Z| ?[+-][0-9]{2}:?[0-9]{2})?$'
            )
            then regexp_replace(
                    regexp_replace(regexp_replace(text, '[.]0*$', ''), '^([0-9]{4})([0-9]{2})([0-9]{2})', '\1-\2-\3'),
                    '^(.{10})[T ]?([0-9]{2})([0-9]{2})([0-9]{2})?', '\1 \2:\3:\4'
                )
        -- a month that is a word: day first, month first, or the year last of all
        when regexp_matches(text, '^[A-Za-z]{3}|^[0-9]{1,2}[ -][A-Za-z]{3}')
            then regexp_replace(
                    regexp_replace(
                        regexp_replace(
                            regexp_replace(
                                regexp_replace(text, '^ISODate[(]["'']([^"'']+)["''][)]$', '\1'),
                                ' ?[(][^()]*[)]$', ''
                            ),
                            '^(?:[A-Za-z]{3,9},? )?([0-9]{1,2})[ -]([A-Za-z]{3,9})[ -]([0-9]{4}),?', '\3-\2-\1'
                        ),
                        '^(?:[A-Za-z]{3,9},? )?([A-Za-z]{3,9})[.]? ([0-9]{1,2}),? ([0-9]{4}),?', '\3-\1-\2'
                    ),
                    '^(?:[A-Za-z]{3,9},? )?([A-Za-z]{3,9}) ([0-9]{1,2}) ([0-9:.]+)((?: UTC| GMT| Z| [+-][0-9]{4})?) ([0-9]{4})$',
                    '\5-\1-\2 \3\4'
                )
        else regexp_replace(
                regexp_replace(
                    regexp_replace(
                        regexp_replace(
                            regexp_replace(without_weekday(text), '(Z|[+-][0-9]{2}:?[0-9]{2})(?:\[[A-Za-z0-9_/+-]+\]| [A-Z]{3,4})$', '\1'),
                            '\[([A-Za-z_]+/[A-Za-z0-9_/+-]+|UTC|GMT)\]$', ' \1'
                        ),
                        '^([0-9]{4}) ?年 ?([0-9]{1,2}) ?月 ?([0-9]{1,2}) ?[日号]? ?', '\1-\2-\3 '
                    ),
                    '([0-9]{1,2}) ?[时時点點] ?([0-9]{1,2}) ?分? ?(?:([0-9]{1,2}) ?秒)?$', '\1:\2:\3'
                ),
                '([0-9]{1,2}) ?[时時点點]整?$', '\1:00'
            )
    end
)[1]

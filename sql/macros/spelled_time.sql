-- description: A moment (UTC) out of any text that is plainly one; NULL where it is none or could be two (10/01/2026).
create or replace macro spelled_time(value, zone) as
list_transform(
    [time_text(value)],
    lambda text: coalesce(
        epoch_time(text),
        list_transform(
            [regexp_extract(
                text,
                '(?i)^([0-9]{4})[-/.]([0-9]{1,2}|[a-z]{3,9})[-/.]([0-9]{1,2})'
                || '(?:[ T,]+(am|pm|凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上)? ?([0-9]{1,2}):([0-9]{1,2})'
                || '(?::([0-9]{1,2})?(?:[.,:]([0-9]{1,9}))?)? ?(am\b|pm\b|凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上)?'
                || ' ?(z|utc|gmt|(?:utc|gmt)?[+-](?:0?[0-9]|1[0-4])(?::?[0-5][0-9])?|[a-z]+/[a-z0-9_/+-]+)?)?[ ,]*$',
                ['year', 'month', 'day', 'before', 'hour', 'minute', 'second', 'fraction', 'after', 'zone']
            )],
            lambda part: list_transform(
                [try_cast(concat(
                    part.year, '-',
                    case
                        when part.month ~ '[0-9]+' then part.month
                        else cast(list_position(
                                ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'], lower(part.month[:3])
                            ) as varchar)
                    end, '-', part.day, ' ',
                    case
                        when part.hour = '' then 0
                        when
                            part.before || part.after = ''
                            then case when cast(part.hour as integer) < 24 then cast(part.hour as integer) end
                        when part.before || part.after = '凌晨' and cast(part.hour as integer) = 0 then 0
                        -- 晚上12:00 is the end of a day or its beginning
                        when part.before || part.after = '晚上' and cast(part.hour as integer) = 12 then null
                        when cast(part.hour as integer) between 1 and 12
                            then cast(part.hour as integer) % 12
                                + case
                                    when lower(part.before || part.after) in ('pm', '下午', '傍晚', '晚上') then 12
                                    when part.before || part.after = '中午' and cast(part.hour as integer) % 12 < 10 then 12
                                    else 0
                                end
                    end, ':', coalesce(nullif(part.minute, ''), '0'), ':', coalesce(nullif(part.second, ''), '0'), '.',
                    coalesce(nullif(part.fraction[:6], ''), '0')
                ) as timestamp)],
                lambda shown: case
                    when part.zone = '' then in_utc(shown, zone)
                    when contains(part.zone, '/')
                        then in_utc(instant(try_cast(strftime(shown, '%Y-%m-%d %H:%M:%S.%f') || ' ' || part.zone as timestamptz)), 'UTC')
                    else in_utc(
                            shown - case when contains(part.zone, '-') then -1 else 1 end * to_minutes(
                                60 * coalesce(try_cast(regexp_extract(part.zone, '[+-](0?[0-9]|1[0-4])(:?[0-5][0-9])?$', 1) as integer), 0)
                                + coalesce(try_cast(regexp_extract(part.zone, '[+-](?:0?[0-9]|1[0-4]):?([0-5][0-9])$', 1) as integer), 0)
                            ),
                            'UTC'
                        )
                end
            )[1]
        )[1]
    )
)[1]

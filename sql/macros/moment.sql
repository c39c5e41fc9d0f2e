-- description: A moment (UTC) out of text: ISO 8601 and what else is plainly a time, epoch seconds to nanoseconds. One without an offset
-- is in the zone. NULL where it is none, could be two (10/01/2026), or lies before 1900 or after 2199.
create or replace macro moment(value, zone) as
coalesce(
    -- as nearly all are written, told apart as cheaply as can be
    case
        when value like '____-__-__ __:__:__' and value not like '__________ 24:%' then in_utc(try_cast(value as timestamp), zone)
    end,
    case
        when regexp_full_match(
                value, '[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}(?:[T ](?:[01]?[0-9]|2[0-3]):[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?Z?)?'
            )
            then in_utc(try_cast(rtrim(value, 'Z') as timestamp), case when ends_with(value, 'Z') then 'UTC' else zone end)
        when regexp_full_match(
                value,
                '[0-9]{4}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:[.][0-9]{1,6})?'
                || '[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?'
            )
            then in_utc(instant(try_cast(value as timestamptz)), 'UTC')
        when regexp_full_match(value, '1[0-9]{9}(?:[0-9]{3})?')
            then epoch_ms(cast(value as bigint) * case length(value) when 10 then 1000 else 1 end)
    end,
    case when value is not null then spelled_time(value, zone) end
)

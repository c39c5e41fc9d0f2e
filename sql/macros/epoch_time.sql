-- description: A moment out of a count since 1970: seconds from 1973 on, milliseconds, microseconds or nanoseconds from 1990 on (fewer
-- would be seconds of the year 9999); else NULL.
create or replace macro epoch_time(value) as
list_transform(
    [try_cast(value as decimal(38, 9))],
    lambda count: in_utc(
        make_timestamp(cast(case
            when count between 100000000 and 9999999999 then count * 1000000
            when count between 631152000000 and 9999999999999 then count * 1000
            when count between 631152000000000 and 9999999999999999 then count
            when count between 631152000000000000 and 9223372036854775807 then count / 1000
        end as bigint)),
        'UTC'
    )
)[1]

-- description: Whether text that says something can be read as a kind of value (whole, tiny, number, flag, time or text), as schema
-- contracts ask; true where it says nothing. Times without an offset are in the zone.
create or replace macro reads_as(kind, value, zone) as
case
    when kind = 'flag' then flag(value) is not null or flag_text(value) is null
    when text_of(value) is null then true
    when kind = 'whole' then whole_number(value) is not null
    when kind = 'tiny' then whole_number(value) is not null or flag(value) is not null
    when kind = 'number' then money(value) is not null
    when kind = 'time' then dated_text(value) is null or moment(value, zone) is not null
    else true
end

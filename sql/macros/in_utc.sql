-- description: What clocks in a zone showed, as UTC; NULL where no calendar of people goes that far (before 1900, after 2199).
create or replace macro in_utc(moment, zone) as
case
    when moment between timestamp '1900-01-01' and timestamp '2199-12-31 23:59:59.999999'
        then case when zone = 'UTC' then moment else timezone('UTC', timezone(zone, moment)) end
end

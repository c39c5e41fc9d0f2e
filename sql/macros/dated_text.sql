-- description: Text that may be a time; NULL where it says nothing: as text_of, and 0 or MySQL's zero date.
create or replace macro dated_text(value) as
case when not regexp_full_match(value, '0+(?:[.]0*)?|0000-00-00(?:[T ]00:00(?::00(?:[.]0+)?)?)?Z?') then text_of(value) end

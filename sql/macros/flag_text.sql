-- description: Text that may be a flag; NULL where it says nothing: as text_of, but controls alone are the bytes of a BIT column.
create or replace macro flag_text(value) as
case when regexp_full_match(value, '[\x00-\x08\x0E-\x1F]+') then value else text_of(value) end

-- description: A whole number out of text, where it fits into 32 bits; else NULL.
create or replace macro small_number(value) as
try_cast(whole_number(value) as integer)

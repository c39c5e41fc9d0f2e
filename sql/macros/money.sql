-- description: An amount of money out of text, to the hundredth of a cent; NULL where it is no number.
create or replace macro money(value) as
cast(try_cast(value as decimal(18, 4)) as double)

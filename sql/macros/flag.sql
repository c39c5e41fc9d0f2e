-- description: A flag out of text, as 0 or 1 (or whatever number stands there); 0 where it is neither a number nor a truth value.
create or replace macro flag(value) as
coalesce(try_cast(value as integer), cast(try_cast(value as boolean) as integer), 0)

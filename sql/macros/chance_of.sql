-- description: A number that is even between 0 and 1 and always the same for the same two values.
create or replace macro chance_of(one, other) as
hash(one, other) / 18446744073709551616.0

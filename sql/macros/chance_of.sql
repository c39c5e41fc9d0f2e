-- description: A number that is even between 0 and 1 and always the same for the same two values. Hashed twice: a hash of two values is
-- that of one, turned by that of the other, and would move all of them alike.
create or replace macro chance_of(one, other) as
hash(hash(one, other)) / 18446744073709551616.0

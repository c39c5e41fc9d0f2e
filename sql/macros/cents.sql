-- description: An amount of money as whole cents: their sum is the same in whatever order.
create or replace macro cents(amount) as
cast(round(amount * 100) as bigint)

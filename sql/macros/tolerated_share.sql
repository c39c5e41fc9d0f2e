-- description: The largest share of n that is not clearly above a bound (clearly_above turned round).
create or replace macro tolerated_share(n, bound) as
bound + 3.290527 * sqrt(bound * (1 - bound) / nullif(n, 0))

-- description: Whether part of n is a larger share than a bound, beyond what chance makes of so few: the lower end of its 99.9 %
-- interval is above.
create or replace macro clearly_above(part, n, bound) as
coalesce(n > 0 and wilson(part / nullif(n, 0), n, -3.290527) > bound, false)

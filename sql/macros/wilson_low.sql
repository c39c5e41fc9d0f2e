-- description: The lower end of the 95 % interval of a share of n (wilson).
create or replace macro wilson_low(share, n) as
greatest(wilson(share, n, -z_95()), 0)

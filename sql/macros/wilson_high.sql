-- description: The upper end of the 95 % interval of a share of n (wilson).
create or replace macro wilson_high(share, n) as
wilson(share, n, z_95())

-- description: The upper end of the 95 % interval of a share of n (Wilson, E. B. 1927): holds for small counts too.
create or replace macro wilson_high(share, n) as
(
    share + z_95() * z_95() / (2 * n)
    + z_95() * sqrt(share * (1 - share) / n + z_95() * z_95() / (4 * n * n))
) / (1 + z_95() * z_95() / n)

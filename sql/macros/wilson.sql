-- description: An end of the interval of a share of n (Wilson, E. B. 1927), z standard errors away: holds for small counts too.
create or replace macro wilson(share, n, z) as
(share + z * z / (2 * n) + z * sqrt(share * (1 - share) / n + z * z / (4 * n * n))) / (1 + z * z / n)

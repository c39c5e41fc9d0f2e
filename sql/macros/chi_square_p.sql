-- description: How often chance alone makes a chi-square of x or more with so many degrees of freedom (Wilson,
-- Hilferty 1931; exact for one).
create or replace macro chi_square_p(x, freedom) as
case when freedom = 1 then 2 * normal_above(sqrt(x))
    when freedom > 1 then normal_above((cbrt(x / freedom) - 1 + 2 / (9 * freedom)) / sqrt(2 / (9 * freedom)))
end

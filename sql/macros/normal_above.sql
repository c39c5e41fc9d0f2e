-- description: How often a normal value is above z standard errors (Abramowitz, Stegun 1964, 26.2.17; off by less than 1e-7).
create or replace macro normal_above(z) as
case when z < 0 then 1 - normal_tail(-z) else normal_tail(z) end

-- description: Half the width of the 95 % interval of a mean of n values with this variance.
create or replace macro margin_95(variance, n) as
z_95() * sqrt(variance / n)

-- description: How many standard errors an interval of 95 % reaches to either side (the normal distribution's 97.5 % quantile).
create or replace macro z_95() as
1.959964

-- description: How often a Poisson variable of mean 1 came, for a number that is even between 0 and 1: a weight of the bootstrap.
create or replace macro poisson_draw(chance) as
case
    when chance < 0.36787944117 then 0
    when chance < 0.73575888234 then 1
    when chance < 0.91969860293 then 2
    when chance < 0.98101184312 then 3
    when chance < 0.99634015318 then 4
    when chance < 0.99940581518 then 5
    when chance < 0.99991675885 then 6
    else 7
end

-- description: What an interval of a difference says: better or worse where it lies beyond 0, else even; too few below thirty groups.
create or replace macro verdict_of(difference, deviation, groups) as
case
    when groups < 30 then 'too few'
    when difference > z_95() * deviation then 'better'
    when difference < -z_95() * deviation then 'worse'
    else 'even'
end

-- description: A moment that is not later than the run's (as_of); a later one is unknown.
create or replace macro if_past(moment) as
case when moment <= getvariable('as_of') then moment end

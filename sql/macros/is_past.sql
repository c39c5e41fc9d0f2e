-- description: Whether a moment is not later than the run's (as_of); one that nobody knows is past.
create or replace macro is_past(moment) as
coalesce(moment <= getvariable('as_of'), true)

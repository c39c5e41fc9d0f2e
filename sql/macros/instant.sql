-- description: A moment that names its zone, as UTC, whatever zone a client shows times in.
create or replace macro instant(moment) as
cast(timezone('UTC', moment) as timestamp)

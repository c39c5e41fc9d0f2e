-- description: Whether a moment lies from held_out_from until before held_out_until, where those are set.
create or replace macro is_held_out(moment) as
coalesce(moment >= getvariable('held_out_from') and moment < getvariable('held_out_until'), false)

-- description: Whether training may see what happened at a moment: before train_until, where that is set.
create or replace macro may_train_on(moment) as
moment < coalesce(getvariable('train_until'), timestamp 'infinity')

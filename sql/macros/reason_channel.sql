-- description: The channel that an entry's reason names: what stands before its first colon.
create or replace macro reason_channel(reason) as
coalesce(nullif(trim(split_part(reason, ':', 1)), ''), 'unknown')

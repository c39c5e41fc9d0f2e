-- description: Whether text is JSON that says no words.
create or replace macro is_other_json(value) as
value is not null and wording(value) is null

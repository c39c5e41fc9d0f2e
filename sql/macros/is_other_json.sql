-- description: Whether text is JSON that says no words.
create or replace macro is_other_json(value) as
regexp_matches(value, '^\s*[\[{]') and words(value) is null and json_valid(value)

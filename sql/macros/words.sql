-- description: Text for people, such as a title: without mark-up; of a JSON object what it names (label_of). NULL where it says nothing,
-- or is other JSON.
create or replace macro words(value) as
case
    when not regexp_matches(value, '^\s*[\[{]')
        or not json_valid(value)
        or json_valid(value) and starts_with(ltrim(value), '[') and not regexp_matches(value, '^\s*\[\s*["{\[]')
        then without_markup(value)
    when starts_with(ltrim(value), '{') then without_markup(label_of(value))
end

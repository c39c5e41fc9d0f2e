-- description: Text itself, or of a JSON object what it names (label_of); NULL where it is other JSON.
create or replace macro wording(value) as
case
    when not regexp_matches(value, '^\s*[\[{]') then value
    -- a list of numbers, such as [1], is as good a title as any
    when not json_valid(value) or regexp_matches(value, '^\s*\[\s*[^\s"{\[\]]') then value
    when regexp_matches(value, '^\s*\{') then label_of(value)
end

-- description: Whether tags are separated otherwise than by ;, or some of them are JSON that names nothing.
create or replace macro has_odd_tags(value) as
case
    when not regexp_matches(value, '^\s*[\[{]') or not json_valid(value) then regexp_matches(value, '[；，,、|]')
    when starts_with(ltrim(value), '{') then label_of(value) is null
    else len(list_filter(
            json_extract(json_of(value), '$[*]'),
            lambda tag: json_type(tag) = 'ARRAY' or json_type(tag) = 'OBJECT' and label_of(tag) is null
        )) > 0
end

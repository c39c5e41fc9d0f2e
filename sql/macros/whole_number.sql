-- description: A whole number out of text, such as an id: 7, 007, 7.0 and full-width digits; NULL where it is none (7.5, 1e2, 1_000, 0x1F).
create or replace macro whole_number(value) as
coalesce(
    case when regexp_full_match(value, '-?[0-9]{1,18}') then try_cast(value as bigint) end,
    case
        when value is not null
            then try_cast(regexp_extract(number_text(value), '^[+]?(-?[0-9]+)(?:[.]0*)?$', 1) as bigint)
    end
)

-- description: The code points that an HTML entity stands for, out of its name (amp, #8220, #x4E2D) and the first character of it; NULL
-- where HTML knows none of that name.
create or replace macro html_codes(name, initial) as
case
    when name ~ '#[0-9]{1,7}' then name[2:]
    when name ~ '#[xX][0-9a-fA-F]{1,6}' then cast(cast('0x' || name[3:] as integer) as varchar)
    -- those that nearly all are, without a search
    else case name
            when 'amp' then '38'
            when 'lt' then '60'
            when 'gt' then '62'
            when 'quot' then '34'
            when 'nbsp' then '160'
            when 'ldquo' then '8220'
            when 'rdquo' then '8221'
            when 'hellip' then '8230'
            when 'mdash' then '8212'
            else nullif(regexp_extract(split_part(html_entities(initial), ';' || name || '=', 2), '^[0-9+]+'), '')
        end
end

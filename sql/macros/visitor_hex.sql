-- description: Matomo's id of a visitor as lower-case hex, however its bytes were written: hex with 0x or \x before it, a Buffer, base64.
create or replace macro visitor_hex(value) as
case
    when regexp_full_match(value, '[0-9a-f]{16}') then value
    when regexp_full_match(value, '(?:0x|\\x)[0-9A-Fa-f]+') then lower(value[3:])
    when regexp_full_match(
            value, '\{ ?"type": ?"Buffer".*'
        )
        then array_to_string(list_transform(
                json_extract(json_of(value), '$.data[*]'), lambda byte: printf('%02x', try_cast(byte as integer))
            ), '')
    when regexp_full_match(value, '[0-9A-Za-z+/]{11}=') then lower(hex(from_base64(value)))
    else lower(text_of(value))
end

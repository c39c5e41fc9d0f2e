-- description: A flag out of text: 0 or 1, letters and words for them, 是 or 否, a BIT column's bytes however they were written. NULL where
-- it is none, or nothing.
create or replace macro flag(value) as
case
    when value in ('0', 'false') then false
    when value in ('1', 'true') then true
    when value is not null
        then list_transform(
                [regexp_replace(lower(coalesce(number_text(value), plain_characters(value))), ' ', '', 'g')],
                lambda text: case
                    when regexp_full_match(value, '\x00+')
                        or whole_number(text) = 0
                        or text in (
                            'f', 'false', 'n', 'no', 'off', '否', '假',
                            'b''0''', 'b''\x00''', '0x00', '0x0', '\x00', '\u0000', '\0', 'aa==', 'x''00'''
                        )
                        or regexp_full_match(text, '\{"type":"buffer","data":\[0(?:,0)*\]\}|\{"data":\[0(?:,0)*\],"type":"buffer"\}')
                        then false
                    when regexp_full_match(value, '\x00*\x01')
                        or whole_number(text) = 1
                        or text in (
                            't', 'true', 'y', 'yes', 'on', '是', '真',
                            'b''1''', 'b''\x01''', '0x01', '0x1', '\x01', '\u0001', '\1', 'aq==', 'x''01'''
                        )
                        or regexp_full_match(text, '\{"type":"buffer","data":\[(?:0,)*1\]\}|\{"data":\[(?:0,)*1\],"type":"buffer"\}')
                        then true
                end
            )[1]
end

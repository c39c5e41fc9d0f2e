-- description: A fault where a value says something and could not be read as what it must be: a number, a time, a flag.
create or replace macro unread(column_name, kind, value, read, outcome) as
case
    when read is null and value is not null
        then fault(
                column_name || '_not_a_' || kind,
                column_name,
                value,
                case kind when 'time' then dated_text(value) when 'flag' then flag_text(value) else text_of(value) end is not null,
                outcome
            )
end

-- description: The text of a number, out of an object that MongoDB writes for one too.
create or replace macro number_text(value) as
plain_characters(case
    when starts_with(
            value, '{'
        )
        then coalesce(
                try(value ->> '$."$numberLong"'),
                try(value ->> '$."$numberInt"'),
                try(value ->> '$."$numberDecimal"'),
                try(value ->> '$."$numberDouble"')
            )
    else value
end)

-- description: Text without what nobody sees at its ends; NULL where it says nothing: it is blank, or one of the words that exporters
-- write for nothing.
create or replace macro text_of(value) as
case
    when not regexp_full_match(
            value,
            blank()
            || '*(?:(?i:null|\(null\)|\[null\]|<null>|none|undefined|#?n/a|\[object object\])|\\N|nan|NaN|NaT)?'
            || blank()
            || '*'
        )
        then regexp_replace(value, '^' || blank() || '+|' || blank() || '+$', '', 'g')
end

-- description: Text without the tags of HTML, its entities decoded, in single spaces; NULL where nothing is left of it.
create or replace macro without_markup(value) as
text_of(regexp_replace(
    decoded(case
        when contains(
                value, '<'
            )
            then regexp_replace(
                    regexp_replace(value, '(?is)<script\b.*?</script\s*>|<style\b.*?</style\s*>|<!--.*?-->', ' ', 'g'),
                    '</?[A-Za-z][^<>]*>', ' ', 'g'
                )
        else value
    end),
    -- several spaces, or one that is not the plain one: most texts have few of either
    '[\s\p{Z}]{2,}|[^ \S]|[^ \P{Z}]', ' ', 'g'
))

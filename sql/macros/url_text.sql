-- description: A URL as plain text: what is encoded in it (HTML entities, percent-encoding) decoded, up to three times over.
create or replace macro url_text(url) as
case
    when regexp_matches(url, '%[0-9A-Fa-f]{2}|&[#0-9A-Za-z]+;')
        then list_transform(
                list_transform(
                    list_transform([url], lambda thrice: percent_decoded(thrice)), lambda twice: percent_decoded(twice)
                ),
                lambda once: percent_decoded(once)
            )[1]
    else url
end

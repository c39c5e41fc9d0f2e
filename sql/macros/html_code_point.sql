-- description: The character of a code point, as browsers read it out of a page: 128 to 159 as Windows has them; NULL where it is none.
create or replace macro html_code_point(code) as
case
    when code between 128 and 159
        then chr([
                8364, 129, 8218, 402, 8222, 8230, 8224, 8225, 710, 8240, 352, 8249, 338, 141, 381, 143,
                144, 8216, 8217, 8220, 8221, 8226, 8211, 8212, 732, 8482, 353, 8250, 339, 157, 382, 376
            ][code - 127])
    when code between 1 and 55295 or code between 57344 and 1114111 then chr(code)
end

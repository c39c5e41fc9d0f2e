-- description: Text with its HTML entities and its percent-encoding undone, once: a byte that is no character of ASCII leaves a �, since
-- nobody says in which encoding it is.
create or replace macro percent_decoded(value) as
url_decode(regexp_replace(decoded(value), '%(?:[018-9A-Fa-f][0-9A-Fa-f]|7[Ff])', '�', 'g'))

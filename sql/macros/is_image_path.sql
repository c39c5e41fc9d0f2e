-- description: Whether text can stand for a picture in a page: a path without a scheme, or http(s).
create or replace macro is_image_path(value) as
regexp_matches(value, '(?i)^(https?://|[/\\]?[^/\\:?#[:cntrl:]]+([/\\?#]|$))[^[:cntrl:]]*$')

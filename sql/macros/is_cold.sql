-- description: Whether a page counts as cold: at most 2 views are known of it.
create or replace macro is_cold(views) as
views <= 2

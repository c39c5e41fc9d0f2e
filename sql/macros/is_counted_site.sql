-- description: Whether rows of a site of Matomo count: it is one of MATOMO_SITE_ID, or that names none.
create or replace macro is_counted_site(idsite) as
coalesce(len(getvariable('matomo_sites')), 0) = 0 or coalesce(list_contains(getvariable('matomo_sites'), small_number(idsite)), false)

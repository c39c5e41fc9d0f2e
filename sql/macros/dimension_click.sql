-- description: The first click_{position}_{dataset} among the custom dimensions that MATOMO_POSITION_DIMENSIONS names, in its order.
create or replace macro dimension_click(d1, d2, d3, d4, d5) as
list_filter(
    list_transform(getvariable('position_dimensions'), lambda number: trim([d1, d2, d3, d4, d5][number])),
    lambda value: regexp_full_match(value, 'click_\d+_\d+')
)[1]

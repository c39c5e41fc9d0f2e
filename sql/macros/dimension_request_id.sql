-- description: The first request id (req_…) among the custom dimensions that MATOMO_REQUEST_DIMENSION and MATOMO_REQUEST_DIMENSIONS name,
-- in their order.
create or replace macro dimension_request_id(d1, d2, d3, d4, d5) as
list_filter(
    list_transform(getvariable('request_dimensions'), lambda number: trim([d1, d2, d3, d4, d5][number])),
    lambda value: starts_with(value, 'req_')
)[1]

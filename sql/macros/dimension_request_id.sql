-- description: The first request id (req_…) among the custom dimensions of MATOMO_REQUEST_DIMENSIONS, in the order of that setting.
create or replace macro dimension_request_id(d1, d2, d3, d4, d5) as
list_filter(
    list_transform(getvariable('request_dimensions'), lambda number: [d1, d2, d3, d4, d5][number]),
    lambda value: starts_with(value, 'req_')
)[1]

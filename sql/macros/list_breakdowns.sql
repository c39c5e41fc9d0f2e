-- description: What a list counts for, as breakdown and value: all, its endpoint, version, variant, answer, source, device and visitor.
create or replace macro list_breakdowns(endpoint, version, variant, answer, source, device, visitor) as
[
    { 'breakdown': 'all', 'value': 'all' },
    { 'breakdown': 'endpoint', 'value': endpoint },
    { 'breakdown': 'version', 'value': version },
    { 'breakdown': 'variant', 'value': variant },
    { 'breakdown': 'answer', 'value': answer },
    { 'breakdown': 'source', 'value': source },
    { 'breakdown': 'device', 'value': device },
    { 'breakdown': 'visitor', 'value': visitor }
]

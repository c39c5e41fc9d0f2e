-- description: What a column holds, over all rows: how many values and different ones (about), the lowest and the highest.
create or replace macro profile(column_name, value) as
{
    'column_name': column_name,
    'filled': count(value),
    'different': approx_count_distinct(value),
    'lowest': left(cast(min(value) as varchar), 80),
    'highest': left(cast(max(value) as varchar), 80)
}

-- description: What is wrong with a value, where something is, as rejected_rows tells it.
create or replace macro fault(reason, column_name, value, holds, outcome) as
case when holds then { 'reason': reason, 'column_name': column_name, 'value': cast(value as varchar), 'outcome': outcome } end

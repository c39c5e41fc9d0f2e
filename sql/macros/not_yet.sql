-- description: A fault where a row's time is later than the run: it counts once that has come.
create or replace macro not_yet(column_name, value, moment) as
fault('future_' || column_name, column_name, value, not is_past(moment), 'not_yet')

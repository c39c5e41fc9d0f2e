-- description: A fault where a value that a row cannot do without is not there, or could not be read.
create or replace macro needed(column_name, kind, value, read) as
fault(column_name || '_not_a_' || kind, column_name, value, read is null, 'dropped')

-- description: Text where it is JSON, else the JSON null: DuckDB's functions of JSON stop at what is none, even in a branch not taken
-- where a literal stands there.
create or replace macro json_of(value) as
case when json_valid(value) then value else 'null' end

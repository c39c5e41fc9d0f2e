-- description: What nobody sees, as a character of a regular expression: spaces of all scripts, and what is invisible.
create or replace macro blank() as
'[\s\p{Z}' || invisible() || ']'

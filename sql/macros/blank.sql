-- description: What nobody sees, as a character of a regular expression: spaces of all scripts, controls, marks of width and direction.
create or replace macro blank() as
'[\s\p{Z}\p{Cc}\p{Cf}\x{034F}\x{115F}\x{1160}\x{2800}\x{3164}\x{FFA0}]'

-- description: Characters without a width, as part of a set of a regular expression: controls, marks of width and direction, fillers, and
-- what chooses between forms of a character.
create or replace macro invisible() as
'\p{Cc}\p{Cf}\x{034F}\x{115F}\x{1160}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}'

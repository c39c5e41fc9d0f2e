-- description: Text for people, such as a title: what is worded (wording), without mark-up; NULL where it says nothing.
create or replace macro words(value) as
without_markup(wording(value))

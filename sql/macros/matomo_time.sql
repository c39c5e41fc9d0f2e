-- description: A time of Matomo's tables (text, UTC); NULL where it is no time.
create or replace macro matomo_time(value) as
moment(value, 'UTC')

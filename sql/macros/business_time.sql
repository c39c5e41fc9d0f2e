-- description: A time of the marketplace's tables (text, in BUSINESS_TIMEZONE) as UTC; NULL where it is no time.
create or replace macro business_time(value) as
moment(value, getvariable('business_timezone'))

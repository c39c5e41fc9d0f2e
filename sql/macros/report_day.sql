-- description: The day that a moment (UTC) lies on in REPORT_TIMEZONE.
create or replace macro report_day(moment) as
cast(timezone(getvariable('report_timezone'), timezone('UTC', moment)) as date)

-- description: Text of a time without the day of the week in Chinese: 2026-10-01 星期四 10:00.
create or replace macro without_weekday(value) as
regexp_replace(value, ' ?[(]?(?:星期|礼拜|周)[一二三四五六日天][)]? ?', ' ')

//! Moments as people write them on the command line and in files.

use crate::common::language::t;
use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

/// What a text says.
enum Written {
    Moment(DateTime<Utc>),
    Time(NaiveDateTime),
    Day(NaiveDate),
}

impl Written {
    fn read(text: &str) -> Result<Self, String> {
        if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Moment(moment.with_timezone(&Utc)));
        }
        for format in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"] {
            if let Ok(moment) = NaiveDateTime::parse_from_str(text, format) {
                return Ok(Self::Time(moment));
            }
        }
        NaiveDate::parse_from_str(text, "%Y-%m-%d").map(Self::Day).map_err(|_| {
            t!(
                "{text:?} is no time; write 2026-10-28, 2026-10-28 09:30:00 or 2026-10-28T09:30:00+08:00",
                "{text:?} 不是时间；请写 2026-10-28、2026-10-28 09:30:00 或 2026-10-28T09:30:00+08:00"
            )
        })
    }
}

/// Reads a moment as `--as-of` takes it: RFC 3339, or a date with or without a time, which are UTC.
///
/// # Errors
/// It is no time; the text says what one looks like.
pub fn parse_moment(text: &str) -> Result<DateTime<Utc>, String> {
    parse_start(text, Tz::UTC)
}

/// Reads the first moment of something: a date is its first moment in `zone`, a time without an offset is one of `zone`.
///
/// # Errors
/// See [`parse_moment`].
pub fn parse_start(text: &str, zone: Tz) -> Result<DateTime<Utc>, String> {
    Ok(match Written::read(text)? {
        Written::Moment(moment) => moment,
        Written::Time(time) => in_zone(time, zone),
        Written::Day(day) => in_zone(day.and_time(NaiveTime::MIN), zone),
    })
}

/// Reads the first moment after something: a date is the last day of it, to that day's end in `zone`.
///
/// # Errors
/// See [`parse_moment`].
pub fn parse_end(text: &str, zone: Tz) -> Result<DateTime<Utc>, String> {
    match Written::read(text)? {
        Written::Day(day) => {
            Ok(in_zone(day.checked_add_days(Days::new(1)).unwrap_or(day).and_time(NaiveTime::MIN), zone))
        }
        _ => parse_start(text, zone),
    }
}

/// The moment of a clock in a zone: the first of two, and where clocks were put forward, the one they were put to.
fn in_zone(time: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let there = |time: NaiveDateTime| zone.from_local_datetime(&time).earliest().map(|moment| moment.to_utc());
    let later = |half_hours: i64| time.checked_add_signed(TimeDelta::minutes(30 * half_hours));
    (0..=4).filter_map(later).find_map(there).unwrap_or_else(|| time.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_utc_unless_they_say_otherwise() {
        let read = |text| parse_moment(text).map(|moment| moment.to_rfc3339());
        assert_eq!(read("2026-10-28").as_deref(), Ok("2026-10-28T00:00:00+00:00"));
        assert_eq!(read("2026-10-28 09:30").as_deref(), Ok("2026-10-28T09:30:00+00:00"));
        assert_eq!(read("2026-10-28T09:30:05").as_deref(), Ok("2026-10-28T09:30:05+00:00"));
        assert_eq!(read("2026-10-28T09:30:00+08:00").as_deref(), Ok("2026-10-28T01:30:00+00:00"));
        for text in ["yesterday", "2026-02-30", "1790000000000", "2026-10-28 25:00"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_is_one_of_the_zone_and_an_end_is_after_it() {
        let shanghai = chrono_tz::Asia::Shanghai;
        let (start, end) = (|text| parse_start(text, shanghai), |text| parse_end(text, shanghai));
        let said = |moment: Result<DateTime<Utc>, String>| moment.map(|moment| moment.to_rfc3339());
        assert_eq!(said(start("2026-10-28")).as_deref(), Ok("2026-10-27T16:00:00+00:00"));
        assert_eq!(said(end("2026-10-28")).as_deref(), Ok("2026-10-28T16:00:00+00:00"));
        for read in [said(start("2026-10-28T09:30")), said(end("2026-10-28 09:30"))] {
            assert_eq!(read.as_deref(), Ok("2026-10-28T01:30:00+00:00"));
        }
        assert_eq!(said(end("2026-10-28T09:30:00Z")).as_deref(), Ok("2026-10-28T09:30:00+00:00"));
        // a night without a midnight
        let cairo = parse_start("2026-04-24", chrono_tz::Africa::Cairo);
        assert_eq!(said(cairo).as_deref(), Ok("2026-04-23T22:00:00+00:00"));
    }
}

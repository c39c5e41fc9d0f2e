//! Moments as people write them on the command line.

use crate::common::language::t;
use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

/// Reads a moment as `--as-of` takes it: RFC 3339, or a date with or without a time, which are UTC.
///
/// # Errors
/// It is no time; the text says what one looks like.
pub fn parse_moment(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(moment.with_timezone(&Utc));
    }
    for format in ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(moment.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").map(|day| day.and_time(NaiveTime::MIN).and_utc()).map_err(|_| {
        t!(
            "{text:?} is no time; write 2026-10-28, 2026-10-28 09:30:00 or 2026-10-28T09:30:00+08:00",
            "{text:?} 不是时间；请写 2026-10-28、2026-10-28 09:30:00 或 2026-10-28T09:30:00+08:00"
        )
    })
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
}

//! When somebody is told: on-call hours, and the moments of digests.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

/// Hours of some weekdays in a zone; hours that end before they begin go on into the next day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Their first moment.
    pub from: NaiveTime,
    /// The first moment after them.
    pub to: NaiveTime,
    /// The days on which they begin.
    pub days: Vec<Weekday>,
    /// The zone they are of.
    pub zone: Tz,
}

impl Hours {
    /// The moment itself where it is within them, else the one at which they begin next.
    pub fn next(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let today = now.with_timezone(&self.zone).date_naive();
        let spans = (0..9).filter_map(|days| {
            let day = today.pred_opt()?.checked_add_days(Days::new(days))?;
            let end = if self.from < self.to { day } else { day.succ_opt()? };
            let span = (moment(self.zone, day, self.from)?, moment(self.zone, end, self.to)?);
            self.days.contains(&day.weekday()).then_some(span)
        });
        let open = spans.into_iter().find(|(_, end)| now < *end);
        open.map_or(now, |(start, _)| start.max(now))
    }
}

/// A time of a day in a zone; where a clock change leaves it out, the first moment after.
fn moment(zone: Tz, day: NaiveDate, time: NaiveTime) -> Option<DateTime<Utc>> {
    (0..=24).find_map(|quarters| {
        let local = day.and_time(time) + TimeDelta::minutes(15 * quarters);
        match zone.from_local_datetime(&local) {
            LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => Some(moment.to_utc()),
            LocalResult::None => None,
        }
    })
}

/// When what was collected is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Digest {
    /// At a time of every day in a zone.
    At(NaiveTime, Tz),
    /// Every so often, counted from 1970.
    Every(TimeDelta),
}

impl Digest {
    /// The first such moment after another.
    pub fn next(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::Every(time) => {
                let seconds = time.num_seconds().max(1);
                DateTime::from_timestamp((now.timestamp().div_euclid(seconds) + 1) * seconds, 0).unwrap_or(now)
            }
            Self::At(time, zone) => {
                let today = now.with_timezone(zone).date_naive();
                let days = (0..3).filter_map(|days| today.checked_add_days(Days::new(days)));
                days.filter_map(|day| moment(*zone, day, *time)).find(|moment| *moment > now).unwrap_or(now)
            }
        }
    }
}

/// A length of time, as `30s`, `10m`, `3h` or `2d`; at least a second.
pub fn length(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let number: i64 = text[..text.len() - unit.len_utf8()].trim().parse().ok().filter(|n| (1..=100_000).contains(n))?;
    Some(match unit {
        's' => TimeDelta::seconds(number),
        'm' => TimeDelta::minutes(number),
        'h' => TimeDelta::hours(number),
        'd' => TimeDelta::days(number),
        _ => return None,
    })
}

/// A time of a day, as `09:00`.
pub fn time(text: &str) -> Option<NaiveTime> {
    NaiveTime::parse_from_str(text, "%H:%M").ok()
}

/// Weekdays, as `mon-fri`, `sat` or `mon,wed`.
pub fn weekdays(text: &str) -> Option<Vec<Weekday>> {
    let mut all = Vec::new();
    for part in text.split(',').map(str::trim) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut day, last) = (first.trim().parse::<Weekday>().ok()?, last.trim().parse::<Weekday>().ok()?);
        all.push(day);
        while day != last {
            day = day.succ();
            all.push(day);
        }
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap_or_default()
    }

    #[test]
    fn hours_hold_until_they_begin_over_weekends_and_midnight() {
        let zone = chrono_tz::Asia::Shanghai;
        let office = |from: &str, to: &str, days: &str| Hours {
            from: time(from).unwrap_or_default(),
            to: time(to).unwrap_or_default(),
            days: weekdays(days).unwrap_or_default(),
            zone,
        };
        let day = office("09:00", "18:00", "mon-fri");
        // a Friday: 12:00, 18:00 and 21:00 in Shanghai; the Monday after begins at 01:00 UTC
        assert_eq!(day.next(at("2026-11-27T04:00:00Z")), at("2026-11-27T04:00:00Z"));
        for late in ["2026-11-27T10:00:00Z", "2026-11-27T13:00:00Z", "2026-11-29T23:59:59Z"] {
            assert_eq!(day.next(at(late)), at("2026-11-30T01:00:00Z"), "{late}");
        }
        let night = office("22:00", "06:00", "fri");
        assert_eq!(night.next(at("2026-11-27T21:59:00Z")), at("2026-11-27T21:59:00Z"), "Saturday, 05:59");
        assert_eq!(night.next(at("2026-11-27T22:00:00Z")), at("2026-12-04T14:00:00Z"), "Saturday, 06:00");
    }

    #[test]
    fn digests_come_at_their_time_or_every_so_often() {
        let morning = Digest::At(time("09:00").unwrap_or_default(), chrono_tz::Asia::Shanghai);
        assert_eq!(morning.next(at("2026-11-27T00:59:59Z")), at("2026-11-27T01:00:00Z"));
        assert_eq!(morning.next(at("2026-11-27T01:00:00Z")), at("2026-11-28T01:00:00Z"));
        // 02:30 is not there on the night in which summer begins
        let gap = Digest::At(time("02:30").unwrap_or_default(), chrono_tz::Europe::Berlin);
        assert_eq!(gap.next(at("2026-03-29T00:00:00Z")), at("2026-03-29T01:00:00Z"));
        assert_eq!(Digest::Every(TimeDelta::hours(4)).next(at("2026-11-27T04:00:00Z")), at("2026-11-27T08:00:00Z"));
    }

    #[test]
    fn lengths_times_and_days_are_read_as_people_write_them() {
        assert_eq!((length("90s"), length("3h")), (Some(TimeDelta::seconds(90)), Some(TimeDelta::hours(3))));
        for text in ["", "h", "3", "0m", "-1m", "1.5h", "三h", "3时"] {
            assert_eq!(length(text), None, "{text}");
        }
        assert_eq!(weekdays("fri-mon").map(|days| days.len()), Some(4));
        assert_eq!((weekdays("mon,noday"), time("25:00")), (None, None));
    }
}

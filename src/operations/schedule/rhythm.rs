//! When a job's slots are: a cron expression on the clocks of a zone.
//!
//! A job of certain hours goes by the clock on the wall: each time that its expression names is one slot, the first of the two
//! where clocks are set back over it, and the end of the gap where they are set forward over it. A job of every hour goes by
//! the time that passes: what the clock shows twice comes twice, what it passes over does not come.

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use crate::common::language::t;

/// How far clocks of a zone are from UTC, and from what they were the day before, at most.
const APART: TimeDelta = TimeDelta::hours(50);

/// A cron expression in a zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Rhythm {
    cron: Cron,
    zone: Tz,
}

impl Rhythm {
    /// Reads an expression.
    ///
    /// # Errors
    /// It is none, or names no time that ever comes.
    pub fn parse(cron: &str, zone: Tz) -> Result<Self, String> {
        let parsed = CronParser::builder().seconds(Seconds::Optional).build().parse(cron).map_err(|error| {
            t!(
                "{cron:?} is no cron expression such as \"0 18 * * *\": {error}",
                "{cron:?} 不是 cron 表达式（例如 \"0 18 * * *\"）：{error}"
            )
        })?;
        let rhythm = Self { cron: parsed, zone };
        match rhythm.after(Utc::now()) {
            Some(_) => Ok(rhythm),
            None => Err(t!("{cron:?} names a time that never comes", "{cron:?} 所指的时间永远不会到来")),
        }
    }

    /// The expression and its zone, as one text.
    pub fn text(&self) -> String {
        format!("{} {}", self.cron.as_str(), self.zone)
    }

    /// The expression.
    pub fn cron(&self) -> &str {
        self.cron.as_str()
    }

    /// The zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// A slot's day in the zone.
    pub fn day(&self, slot: DateTime<Utc>) -> NaiveDate {
        slot.with_timezone(&self.zone).date_naive()
    }

    /// The first slot after a moment.
    pub fn after(&self, moment: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let local = moment.with_timezone(&self.zone);
        if self.cron.pattern.hours.values().len() == 24 {
            return self.cron.find_next_occurrence(&local, false).ok().map(|slot| slot.with_timezone(&Utc));
        }
        let mut wall = local.naive_local().and_utc();
        loop {
            wall = self.cron.find_next_occurrence(&wall, false).ok()?;
            let slot = self.first_at(wall.naive_utc());
            if slot > moment {
                return Some(slot);
            }
        }
    }

    /// The last slot after a moment and up to another.
    pub fn last_within(&self, after: DateTime<Utc>, until: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut window = TimeDelta::minutes(1);
        loop {
            let start = after.max(until - window);
            let slots = std::iter::successors(self.after(start), |slot| self.after(*slot));
            match slots.take_while(|slot| *slot <= until).last() {
                None if start > after => window = window * 8,
                last => return last,
            }
        }
    }

    /// The first moment at which clocks show this time, or a later one where they pass over it.
    fn first_at(&self, wall: NaiveDateTime) -> DateTime<Utc> {
        match self.zone.from_local_datetime(&wall) {
            LocalResult::Single(moment) | LocalResult::Ambiguous(moment, _) => moment.with_timezone(&Utc),
            LocalResult::None => {
                let shown = |moment: NaiveDateTime| self.zone.from_utc_datetime(&moment).naive_local();
                let (mut before, mut after) = (wall - APART, wall + APART);
                while after - before > TimeDelta::seconds(1) {
                    let middle = before + TimeDelta::seconds((after - before).num_seconds() / 2);
                    *(if shown(middle) > wall { &mut after } else { &mut before }) = middle;
                }
                after.and_utc()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(cron: &str, zone: &str, from: &str, count: usize) -> Vec<String> {
        let zone: Tz = zone.parse().expect("a zone");
        let rhythm = Rhythm::parse(cron, zone).expect("a rhythm");
        let from = from.parse::<DateTime<Utc>>().expect("a moment");
        let slots = std::iter::successors(rhythm.after(from), |slot| rhythm.after(*slot)).take(count);
        slots.map(|slot| slot.with_timezone(&zone).format("%d %H:%M %z").to_string()).collect()
    }

    #[test]
    fn a_clock_change_neither_doubles_nor_loses_a_slot() {
        // clocks go forward from 02:00 to 03:00 on 29 March, back from 03:00 to 02:00 on 25 October
        let berlin = |cron, from, count| slots(cron, "Europe/Berlin", from, count);
        assert_eq!(
            berlin("30 2 * * *", "2026-03-27T12:00:00Z", 3),
            ["28 02:30 +0100", "29 03:00 +0200", "30 02:30 +0200"],
            "a slot in the gap is its end"
        );
        assert_eq!(
            berlin("0,30 2,14 * * *", "2026-03-28T14:00:00Z", 4),
            ["29 03:00 +0200", "29 14:00 +0200", "29 14:30 +0200", "30 02:00 +0200"],
            "two in the gap are one"
        );
        assert_eq!(
            berlin("30 2,14 * * *", "2026-10-24T13:00:00Z", 3),
            ["25 02:30 +0200", "25 14:30 +0100", "26 02:30 +0100"],
            "the repeated hour counts once"
        );
        assert_eq!(
            berlin("0 * * * *", "2026-10-24T23:30:00Z", 4),
            ["25 02:00 +0200", "25 02:00 +0100", "25 03:00 +0100", "25 04:00 +0100"],
            "every hour is every hour that passes"
        );
        assert_eq!(
            berlin("*/30 * * * *", "2026-03-29T00:10:00Z", 3),
            ["29 01:30 +0100", "29 03:00 +0200", "29 03:30 +0200"]
        );
        // from within the second of the two hours, too
        assert_eq!(berlin("15,45 2,3 * * *", "2026-10-25T01:20:00Z", 2), ["25 03:15 +0100", "25 03:45 +0100"]);
        // the south: back on 5 April, forward on 4 October; half an hour on an island; midnight in Chile
        assert_eq!(
            slots("30 2 * * *", "Australia/Sydney", "2026-04-03T20:00:00Z", 2),
            ["05 02:30 +1100", "06 02:30 +1000"]
        );
        assert_eq!(
            slots("10 2 * * *", "Australia/Lord_Howe", "2026-10-02T20:00:00Z", 2),
            ["04 02:30 +1100", "05 02:10 +1100"]
        );
        assert_eq!(
            slots("0 0 * * *", "America/Santiago", "2026-09-05T05:00:00Z", 2),
            ["06 01:00 -0300", "07 00:00 -0300"]
        );
        // the whole 30 December 2011 was passed over
        assert_eq!(
            slots("0 9 * * *", "Pacific/Apia", "2011-12-29T10:00:00Z", 3),
            ["29 09:00 -1000", "31 00:00 +1400", "31 09:00 +1400"]
        );
    }

    #[test]
    fn every_moment_asked_from_finds_the_same_slots() {
        for (cron, zone, from) in [
            ("*/20 * * * *", "Europe/Berlin", "2026-10-24T20:00:00Z"),
            ("*/20 1-3 * * *", "America/New_York", "2026-11-01T00:00:00Z"),
            ("5 2 * * *", "America/New_York", "2026-03-08T00:00:00Z"),
            ("0 */4 * * *", "Africa/Cairo", "2026-10-29T12:00:00Z"),
            ("10 * * * *", "Australia/Lord_Howe", "2026-04-04T10:00:00Z"),
        ] {
            let rhythm = Rhythm::parse(cron, zone.parse().expect("a zone")).expect("a rhythm");
            let from = from.parse::<DateTime<Utc>>().expect("a moment");
            let until = from + TimeDelta::hours(40);
            let all: Vec<_> = std::iter::successors(rhythm.after(from), |slot| rhythm.after(*slot))
                .take_while(|slot| *slot <= until)
                .collect();
            for minute in 0..40 * 60 {
                let moment = from + TimeDelta::minutes(minute);
                let (next, last) = (all.iter().find(|slot| **slot > moment), all.iter().rfind(|slot| **slot <= moment));
                assert_eq!(rhythm.after(moment).filter(|slot| *slot <= until).as_ref(), next, "{cron} {moment}");
                assert_eq!(rhythm.last_within(from, moment).as_ref(), last, "{cron} {moment}");
            }
        }
    }

    #[test]
    fn what_is_no_rhythm_is_said() {
        let error = |cron| Rhythm::parse(cron, Tz::UTC).expect_err("an error");
        assert!(error("0 25 * * *").contains("no cron expression"));
        assert!(error("tomorrow").contains("no cron expression"));
        assert!(error("0 0 31 2 *").contains("never comes"));
    }
}

//! What was looked at in the last hour and day, by the server's own account: whoever asks for a page's list looks at the
//! page. A visitor counts once for a dataset, however often they ask. Read back from the exposure log at the start, so that a restart forgets nothing but what is beyond `READ_BACK`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, Guard};
use chrono::{DateTime, Utc};

use crate::exposures::{self, Exclusions, View, Visitor};

/// Views are counted in slots of so many seconds.
const SLOT: i64 = 300;
const HOUR: i64 = 3600 / SLOT;
const DAY: i64 = 24 * HOUR;

/// How much text of logs is read back at the start: a few hundred thousand lists, in a few seconds of a quiet core.
pub const READ_BACK: u64 = 1 << 30;

/// How many datasets a ranking keeps: more than the longest list.
const RANKED: usize = 200;

/// How many pairs of a visitor and a dataset are told apart at most, some 40 MB of them. Beyond that the older half is
/// forgotten, and counted again where it comes back.
const TOLD_APART: usize = 1_000_000;

/// Visitors of the last day, and the rankings made of them.
#[derive(Debug, Default)]
pub struct RecentViews {
    seen: Mutex<Seen>,
    rankings: ArcSwap<Rankings>,
}

/// A visitor's last look at a dataset: the slot in which it was.
type Looks = HashMap<(i64, Visitor), i64>;

#[derive(Debug, Default)]
struct Seen {
    /// Slot to dataset to visitors who looked at it then and not since.
    slots: BTreeMap<i64, HashMap<i64, u32>>,
    /// In which slot a visitor looked at a dataset last: the newest, and those before them.
    last: [Looks; 2],
}

impl Seen {
    /// Counts a visitor in the slot of their last look. Returns what is forgotten for it.
    fn add(&mut self, dataset_id: i64, visitor: Option<Visitor>, slot: i64, most: usize) -> Option<Looks> {
        let mut forgotten = None;
        if let Some(visitor) = visitor {
            let (key, [newest, older]) = ((dataset_id, visitor), &mut self.last);
            let before = newest.get(&key).or_else(|| older.get(&key)).copied();
            if before.is_some_and(|before| before >= slot) {
                return None;
            }
            if newest.len() >= most / 2 {
                forgotten = Some(std::mem::replace(older, std::mem::take(newest)));
            }
            newest.insert(key, slot);
            let counted = before.and_then(|before| self.slots.get_mut(&before)?.get_mut(&dataset_id));
            if let Some(count) = counted {
                *count = count.saturating_sub(1);
            }
        }
        *self.slots.entry(slot).or_default().entry(dataset_id).or_default() += 1;
        forgotten
    }
}

/// Datasets with their visitors, most visited first.
#[derive(Debug, Default, PartialEq)]
pub struct Rankings {
    /// Another number for every other ranking.
    pub tick: u64,
    hour: Vec<(i64, u32)>,
    day: Vec<(i64, u32)>,
}

impl Rankings {
    /// The ranking of a timeframe; empty for those that only the warehouse knows.
    pub fn of(&self, timeframe: &str) -> &[(i64, u32)] {
        match timeframe {
            "1h" => &self.hour,
            "24h" => &self.day,
            _ => &[],
        }
    }
}

impl RecentViews {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A dataset's page was looked at; by somebody else each time, where it is not known by whom.
    pub fn add(&self, dataset_id: i64, visitor: Option<Visitor>, at: DateTime<Utc>) {
        let forgotten = self.seen().add(dataset_id, visitor, at.timestamp().div_euclid(SLOT), TOLD_APART);
        // nobody waits for half a million pairs to go
        drop(forgotten);
    }

    /// The last rankings that were worked out.
    pub fn rankings(&self) -> Guard<Arc<Rankings>> {
        self.rankings.load()
    }

    /// Works the rankings out anew and forgets what is older than a day.
    pub fn rank(&self, now: DateTime<Utc>) {
        let slot = now.timestamp().div_euclid(SLOT);
        let (hour, day) = {
            let mut seen = self.seen();
            seen.slots = seen.slots.split_off(&(slot - DAY + 1));
            (ranking(seen.slots.range(slot - HOUR + 1..)), ranking(seen.slots.iter()))
        };
        let old = self.rankings.load();
        if (&old.hour, &old.day) != (&hour, &day) {
            self.rankings.store(Arc::new(Rankings { tick: old.tick + 1, hour, day }));
        }
    }

    /// Counts what the logs in a folder hold of the day before `now`, and no exclusion takes out: what is newest first, and no more
    /// than `most` bytes of text.
    pub fn read_back(&self, dir: &Path, now: DateTime<Utc>, most: u64, exclusions: &Exclusions) {
        let mut left = most;
        for path in exposures::recent_logs(dir, SystemTime::now() - Duration::from_secs(86_400)) {
            let count = |view: View| {
                if !exclusions.take_out_view(&view) {
                    self.count(&view, now);
                }
            };
            match exposures::read_views(&path, left, count) {
                Ok(bytes) => left = left.saturating_sub(bytes),
                // a damaged file costs its views, not the start
                Err(error) => tracing::warn!("{}: not all its views are counted: {error}", path.display()),
            }
            self.rank(now);
            if left == 0 {
                tracing::info!("trending begins with the newest {} MB of the exposure log", most >> 20);
                break;
            }
        }
        self.rank(now);
    }

    /// Counts a view that was logged in the day before `now`.
    fn count(&self, view: &View, now: DateTime<Utc>) {
        if let Some(page) = view.page_id.filter(|_| !view.by.is_none)
            && (1..86_400_000).contains(&(now - view.timestamp).num_milliseconds())
        {
            self.add(page, view.by.visitor, view.timestamp);
        }
    }
}

fn ranking<'a>(slots: impl Iterator<Item = (&'a i64, &'a HashMap<i64, u32>)>) -> Vec<(i64, u32)> {
    let mut views: HashMap<i64, u32> = HashMap::new();
    for (_, counts) in slots {
        for (dataset, count) in counts {
            *views.entry(*dataset).or_default() += count;
        }
    }
    let mut ranked: Vec<(i64, u32)> = views.into_iter().filter(|(_, views)| *views > 0).collect();
    ranked.sort_unstable_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
    ranked.truncate(RANKED);
    ranked
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use super::*;
    use crate::exposures::files::LOG_NAME;

    #[test]
    fn views_grow_old_and_survive_a_restart() -> std::io::Result<()> {
        let views = RecentViews::default();
        let now = Utc::now();
        let before = |minutes| now - chrono::TimeDelta::minutes(minutes);
        for (dataset, minutes) in [(1, 1), (1, 2), (2, 3), (3, 600), (3, 601), (3, 602), (4, 60 * 30)] {
            views.add(dataset, None, before(minutes));
        }
        views.rank(now);
        assert_eq!(views.rankings().of("1h"), [(1, 2), (2, 1)]);
        assert_eq!(views.rankings().of("24h"), [(3, 3), (1, 2), (2, 1)]);
        let tick = views.rankings().tick;
        views.rank(now);
        assert_eq!(views.rankings().tick, tick);

        let dir = tempfile::tempdir()?;
        let line = |page: &str, at: DateTime<Utc>| {
            format!(
                "{{\"request_id\":\"req_1\",\"page_id\":{page},\"timestamp\":\"{}\",\"items\":[]}}\n",
                at.to_rfc3339()
            )
        };
        let text = line("7", before(5)) + &line("null", before(5)) + &line("8", before(3000)) + "{\"page_id\":9, torn";
        fs::write(dir.path().join(LOG_NAME), text)?;
        fs::write(dir.path().join("exposure_log.1.jsonl.gz"), "damaged")?;
        let again = RecentViews::default();
        again.read_back(dir.path(), now, READ_BACK, &Exclusions::default());
        assert_eq!(again.rankings().of("24h"), [(7, 1)]);
        Ok(())
    }

    #[test]
    fn a_visitor_counts_once_for_a_dataset_in_the_hour_and_in_the_day() {
        let (views, now) = (RecentViews::default(), Utc::now());
        let look = |dataset: i64, visitor: u64, minutes: i64| {
            views.add(dataset, Some(Visitor::of_hash(visitor << 32)), now - chrono::TimeDelta::minutes(minutes));
        };
        (0..50).for_each(|again| look(1, 7, again));
        // this morning and now, in whichever order it is read back; two visitors, one of them only this morning
        for (visitor, minutes) in [(7, 300), (7, 5), (8, 5), (8, 300), (9, 300)] {
            look(2, visitor, minutes);
        }
        views.rank(now);
        assert_eq!(views.rankings().of("1h"), [(2, 2), (1, 1)]);
        assert_eq!(views.rankings().of("24h"), [(2, 3), (1, 1)]);
    }

    #[test]
    fn visitors_that_are_told_apart_are_bounded() {
        let (mut seen, most) = (Seen::default(), 100);
        let told_apart = |seen: &Seen| seen.last.iter().map(HashMap::len).sum::<usize>();
        for visitor in 0..1000_u64 {
            for _ in 0..2 {
                seen.add(1, Some(Visitor::of_hash(visitor << 32)), visitor as i64 / 10, most);
            }
            assert!(told_apart(&seen) <= most);
        }
        assert_eq!(seen.slots.values().flat_map(HashMap::values).sum::<u32>(), 1000, "what is counted stays counted");
        assert!(told_apart(&seen) >= most / 2);
    }

    #[test]
    fn what_is_newest_is_read_back_first_and_no_more_than_the_limit() -> std::io::Result<()> {
        let (now, dir) = (Utc::now(), tempfile::tempdir()?);
        let line = |page: usize, minutes: i64| {
            let at = (now - chrono::TimeDelta::minutes(minutes)).to_rfc3339();
            format!("{{\"page_id\":{page},\"timestamp\":\"{at}\",\"items\":\"{}\"}}\n", "x".repeat(1000))
        };
        // some megabytes, in the order of time; every page once
        let pages = 12_000;
        let text: String = (0..pages).map(|page| line(page, 1 + ((pages - page) * 30 / pages) as i64)).collect();
        fs::write(dir.path().join(LOG_NAME), &text)?;
        let older = dir.path().join("exposure_log.1.jsonl");
        fs::write(&older, line(pages, 100))?;
        File::options().write(true).open(&older)?.set_modified(SystemTime::now() - Duration::from_secs(600))?;
        let counted = |most: u64| {
            let views = RecentViews::default();
            views.read_back(dir.path(), now, most, &Exclusions::default());
            let slots = &views.seen().slots;
            let mut all: Vec<i64> = slots.values().flat_map(|counts| counts.keys().copied()).collect();
            assert!(slots.values().flat_map(HashMap::values).all(|views| *views == 1));
            all.sort_unstable();
            all
        };
        let all: Vec<i64> = (0..=pages as i64).collect();
        assert_eq!(counted(READ_BACK), all);
        let newest = counted(4 << 20);
        assert!(newest.len() < pages * 3 / 4 && all[..pages].ends_with(&newest), "{} of {pages}", newest.len());
        Ok(())
    }
}

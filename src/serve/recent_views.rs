//! What was looked at in the last hour and day, by the server's own account: whoever asks for a page's list looks at the
//! page. Read back from the exposure log at the start, so that a restart forgets nothing but what is beyond `READ_BACK`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::{ArcSwap, Guard};
use chrono::{DateTime, Utc};

use crate::exposures::{self, View};

/// Views are counted in slots of so many seconds.
const SLOT: i64 = 300;
const HOUR: i64 = 3600 / SLOT;
const DAY: i64 = 24 * HOUR;

/// How much text of logs is read back at the start: a few hundred thousand lists, in a few seconds of a quiet core.
pub const READ_BACK: u64 = 1 << 30;

/// How many datasets a ranking keeps: more than the longest list.
const RANKED: usize = 200;

/// Views of the last day, and the rankings made of them.
#[derive(Debug, Default)]
pub struct RecentViews {
    /// Slot to dataset to views.
    slots: Mutex<BTreeMap<i64, HashMap<i64, u32>>>,
    rankings: ArcSwap<Rankings>,
}

/// Datasets with their views, most viewed first.
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
    fn slots(&self) -> MutexGuard<'_, BTreeMap<i64, HashMap<i64, u32>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A dataset's page was looked at.
    pub fn add(&self, dataset_id: i64, at: DateTime<Utc>) {
        *self.slots().entry(at.timestamp().div_euclid(SLOT)).or_default().entry(dataset_id).or_default() += 1;
    }

    /// The last rankings that were worked out.
    pub fn rankings(&self) -> Guard<Arc<Rankings>> {
        self.rankings.load()
    }

    /// Works the rankings out anew and forgets what is older than a day.
    pub fn rank(&self, now: DateTime<Utc>) {
        let slot = now.timestamp().div_euclid(SLOT);
        let (hour, day) = {
            let mut slots = self.slots();
            *slots = slots.split_off(&(slot - DAY + 1));
            (ranking(slots.range(slot - HOUR + 1..)), ranking(slots.iter()))
        };
        let old = self.rankings.load();
        if (&old.hour, &old.day) != (&hour, &day) {
            self.rankings.store(Arc::new(Rankings { tick: old.tick + 1, hour, day }));
        }
    }

    /// Counts what the logs in a folder hold of the day before `now`: what is newest first, and no more than `most` bytes of text.
    pub fn read_back(&self, dir: &Path, now: DateTime<Utc>, most: u64) {
        let mut left = most;
        for path in exposures::recent_logs(dir, SystemTime::now() - Duration::from_secs(86_400)) {
            match exposures::read_views(&path, left, |view| self.count(view, now)) {
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
    fn count(&self, view: View, now: DateTime<Utc>) {
        if let Some(page) = view.page_id.filter(|_| !view.is_unseen)
            && (1..86_400_000).contains(&(now - view.timestamp).num_milliseconds())
        {
            self.add(page, view.timestamp);
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
    let mut ranked: Vec<(i64, u32)> = views.into_iter().collect();
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
            views.add(dataset, before(minutes));
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
        again.read_back(dir.path(), now, READ_BACK);
        assert_eq!(again.rankings().of("24h"), [(7, 1)]);
        Ok(())
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
            views.read_back(dir.path(), now, most);
            let slots = views.slots();
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

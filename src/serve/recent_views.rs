//! What was looked at in the last hour and day, by the server's own account: whoever asks for a page's list looks at the
//! page. Read back from the exposure log at the start, so that a restart forgets nothing.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

/// Views are counted in slots of so many seconds.
const SLOT: i64 = 300;
const HOUR: i64 = 3600 / SLOT;
const DAY: i64 = 24 * HOUR;

/// How many datasets a ranking keeps: more than the longest list.
const RANKED: usize = 200;

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
    pub fn rankings(&self) -> arc_swap::Guard<std::sync::Arc<Rankings>> {
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
            self.rankings.store(std::sync::Arc::new(Rankings { tick: old.tick + 1, hour, day }));
        }
    }

    /// Counts what the logs in a folder hold of the day before `now`.
    pub fn read_back(&self, dir: &Path, now: DateTime<Utc>) {
        let since = SystemTime::now() - Duration::from_secs(86_400);
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_log = name.starts_with("exposure_log") && (name.ends_with(".jsonl") || name.ends_with(".jsonl.gz"));
            // a packed file beside its plain one holds the same
            let is_twice = name.ends_with(".gz") && path.with_extension("").exists();
            let is_recent = fs::metadata(&path).is_ok_and(|m| m.is_file() && m.modified().is_ok_and(|at| at >= since));
            if is_log && !is_twice && is_recent {
                // a damaged file costs its views, not the start
                if let Err(error) = self.read_file(&path, now) {
                    tracing::warn!("{}: not all its views are counted: {error}", path.display());
                }
            }
        }
        self.rank(now);
    }

    fn read_file(&self, path: &Path, now: DateTime<Utc>) -> std::io::Result<()> {
        #[derive(Deserialize)]
        struct Line {
            page_id: Option<i64>,
            timestamp: DateTime<Utc>,
        }
        let file = BufReader::new(File::open(path)?);
        let lines: Box<dyn BufRead> = match path.extension().is_some_and(|e| e == "gz") {
            true => Box::new(BufReader::new(MultiGzDecoder::new(file))),
            false => Box::new(file),
        };
        for line in lines.split(b'\n') {
            // what is no exposure is the pipeline's to report
            let Ok(Line { page_id: Some(page), timestamp }) = serde_json::from_slice(&line?) else { continue };
            if (1..86_400_000).contains(&(now - timestamp).num_milliseconds()) {
                self.add(page, timestamp);
            }
        }
        Ok(())
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
    use super::*;

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
        fs::write(dir.path().join("exposure_log.jsonl"), text)?;
        fs::write(dir.path().join("exposure_log.1.jsonl.gz"), "damaged")?;
        let again = RecentViews::default();
        again.read_back(dir.path(), now);
        assert_eq!(again.rankings().of("24h"), [(7, 1)]);
        Ok(())
    }
}

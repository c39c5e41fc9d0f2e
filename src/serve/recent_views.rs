//! What was looked at in the last hour and day, by the server's own account: whoever asks for a page's list looks at the
//! page. Read back from the exposure log at the start, so that a restart forgets nothing but what is beyond `READ_BACK`.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use flate2::read::MultiGzDecoder;
use serde::Deserialize;

use crate::exposures::files;

/// Views are counted in slots of so many seconds.
const SLOT: i64 = 300;
const HOUR: i64 = 3600 / SLOT;
const DAY: i64 = 24 * HOUR;

/// How much text of logs is read back at the start: a few hundred thousand lists, in a few seconds of a quiet core.
pub const READ_BACK: u64 = 1 << 30;

/// A plain log is read back in blocks of so many bytes; the longest line has less.
const BLOCK: u64 = 4 << 20;

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

    /// Counts what the logs in a folder hold of the day before `now`: what is newest first, and no more than `most` bytes of text.
    pub fn read_back(&self, dir: &Path, now: DateTime<Utc>, most: u64) {
        let mut left = most;
        for path in recent_logs(dir) {
            let read = if files::is_packed(&path) {
                self.read_packed(&path, now, left)
            } else {
                self.read_plain(&path, now, left)
            };
            match read {
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

    /// Reads a plain log from its end, block by block; how many bytes.
    fn read_plain(&self, path: &Path, now: DateTime<Utc>, most: u64) -> std::io::Result<u64> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        let (mut block, mut end, first) = (Vec::new(), length, length.saturating_sub(most));
        while end > first {
            let start = end.saturating_sub(BLOCK).max(first);
            block.resize((end - start) as usize, 0);
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(&mut block)?;
            // the line in which a block begins belongs to the one before it
            let whole =
                if start == 0 { 0 } else { block.iter().position(|b| *b == b'\n').map_or(block.len(), |n| n + 1) };
            block[whole..].split(|b| *b == b'\n').for_each(|line| self.read_line(line, now));
            end = if whole == block.len() { start } else { start + whole as u64 };
        }
        Ok(length - end)
    }

    /// Reads a packed log from its beginning; how many bytes of text.
    fn read_packed(&self, path: &Path, now: DateTime<Utc>, most: u64) -> std::io::Result<u64> {
        let mut lines = BufReader::new(MultiGzDecoder::new(BufReader::new(File::open(path)?)).take(most));
        let (mut line, mut bytes) = (Vec::new(), 0);
        while lines.read_until(b'\n', &mut line)? > 0 {
            bytes += line.len() as u64;
            self.read_line(&line, now);
            line.clear();
        }
        Ok(bytes)
    }

    /// Counts one line of a log; what is no exposure is the pipeline's to report.
    fn read_line(&self, line: &[u8], now: DateTime<Utc>) {
        #[derive(Deserialize)]
        struct Line {
            page_id: Option<i64>,
            timestamp: DateTime<Utc>,
        }
        if let Ok(Line { page_id: Some(page), timestamp }) = serde_json::from_slice(line)
            && (1..86_400_000).contains(&(now - timestamp).num_milliseconds())
        {
            self.add(page, timestamp);
        }
    }
}

/// The logs in a folder that were written in the last day, the newest first.
fn recent_logs(dir: &Path) -> Vec<PathBuf> {
    let since = SystemTime::now() - Duration::from_secs(86_400);
    let modified = |path: PathBuf| Some((fs::metadata(&path).ok()?.modified().ok()?, path));
    let mut logs: Vec<(SystemTime, PathBuf)> =
        files::all(dir).into_iter().flatten().filter_map(modified).filter(|(at, _)| *at >= since).collect();
    logs.sort_unstable_by(|a, b| b.cmp(a));
    logs.into_iter().map(|(_, path)| path).collect()
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
        // more than two blocks, in the order of time; every page once
        let pages = 3 * BLOCK as usize / 1000;
        let text: String = (0..pages).map(|page| line(page, 1 + ((pages - page) * 30 / pages) as i64)).collect();
        fs::write(dir.path().join("exposure_log.jsonl"), &text)?;
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
        let newest = counted(BLOCK);
        assert!(newest.len() < pages * 3 / 4 && all[..pages].ends_with(&newest), "{} of {pages}", newest.len());
        Ok(())
    }
}

//! Where logs of runs are, and how long they stay.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

use super::line::Line;
use crate::common::language::t;
use crate::config::Config;

/// The steps in the order in which they happen; what comes before the first and after the last is told like one.
const ORDER: [&str; 7] = ["prepare", "extract", "features", "train", "evaluate", "reconcile", "publish"];

fn runs_dir(config: &Config) -> PathBuf {
    config.operations_dir().join("runs")
}

/// The folder of a run's log.
pub fn run_dir(config: &Config, run: &str) -> PathBuf {
    runs_dir(config).join(run)
}

/// The steps of a run that have a log, in their order.
pub fn steps_of(config: &Config, run: &str) -> Vec<&'static str> {
    let dir = run_dir(config, run);
    ORDER.into_iter().filter(|step| dir.join(format!("{step}.jsonl")).exists()).collect()
}

/// The lines of a step's log; one that was cut by a kill is passed over.
///
/// # Errors
/// It is there and cannot be read.
pub fn lines_of(config: &Config, run: &str, step: &str) -> Result<Vec<Line>> {
    let path = run_dir(config, run).join(format!("{step}.jsonl"));
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = fs::read(&path).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// When a run began, by its id.
fn began(run: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(run, "%Y%m%dT%H%M%S%.fZ").ok().map(|time| time.and_utc())
}

/// Removes logs that are older than KEEP_RUN_LOGS_DAYS; that of the newest run stays, which may go on. What has another name
/// than a run is left.
///
/// # Errors
/// A folder cannot be read or removed.
pub fn sweep(config: &Config, now: DateTime<Utc>) -> Result<()> {
    let (dir, days) = (runs_dir(config), config.operations.keep.run_log_days);
    if days == 0 || !dir.exists() {
        return Ok(());
    }
    let mut runs = Vec::new();
    for entry in fs::read_dir(&dir).with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))? {
        let name = entry.with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?.file_name();
        let name = name.to_string_lossy().into_owned();
        runs.extend(began(&name).map(|began| (began, name)));
    }
    runs.sort();
    runs.pop();
    for (_, run) in runs.iter().filter(|(began, _)| now - began > TimeDelta::days(i64::from(days))) {
        let place = dir.join(run);
        fs::remove_dir_all(&place).with_context(|| t!("{} cannot be removed", "{} 无法删除", place.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_logs_go_and_the_newest_stays_however_old_it_is() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let place = folder.path().to_string_lossy().into_owned();
        let config = |days| Config::for_test(&[("DATA_DIR", &place), ("KEEP_RUN_LOGS_DAYS", days)]);
        let now = began("20261101T000000.000001Z").context("a run's id")?;
        let names = ["20260101T000000.000001Z", "20261020T000000.000001Z", "20261029T000000.000001Z", "notes"];
        for name in names {
            fs::create_dir_all(run_dir(&config("1")?, name))?;
        }
        let left = || names.map(|name| config("1").is_ok_and(|config| run_dir(&config, name).exists()));
        sweep(&config("0")?, now)?;
        assert_eq!(left(), [true; 4]);
        sweep(&config("30")?, now)?;
        assert_eq!(left(), [false, true, true, true]);
        sweep(&config("1")?, now)?;
        assert_eq!(left(), [false, false, true, true]);
        Ok(())
    }
}

//! Putting what a run made in its place: all of it or nothing, at whatever moment the process or the machine ends.
//!
//! Everything is first written beside its place and to disk. A journal then says what will be renamed, and which version
//! becomes current. Renaming the warehouse is the moment at which a run counts: before it, nothing has happened, and the
//! next run removes what lies beside; after it, the rest follows, now or by the next run that reads the journal.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::common::errors::{Failure, describe};
use crate::common::language::t;
use crate::common::{files, scratch};
use crate::config::Config;
use crate::warehouse::{self, WorkCopy, Written};
use crate::{model, recommend};

/// Files written beside their places, to be renamed into them after the warehouse, and files that go then. Dropped, it
/// removes what was written.
#[derive(Default)]
pub struct Outbox {
    places: Vec<PathBuf>,
    gone: Vec<PathBuf>,
}

impl Outbox {
    /// Where to write what will stand at `place`.
    ///
    /// # Errors
    /// Its folder cannot be made.
    pub fn part(&mut self, place: PathBuf) -> Result<PathBuf> {
        if let Some(parent) = place.parent() {
            files::make_dir(parent)?;
        }
        let part = files::part_of(&place);
        scratch::remove_at_signal(&part);
        self.places.push(place);
        Ok(part)
    }

    /// Writes what will stand at `place`.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self, place: PathBuf, bytes: &[u8]) -> Result<()> {
        let part = self.part(place)?;
        fs::write(&part, bytes).with_context(|| t!("{} cannot be written", "{} 无法写入", part.display()))
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Hands the first `count` files over: where each will stand, and where it is now. They are no longer removed.
    pub fn hand_over(&mut self, count: usize) -> Vec<(PathBuf, PathBuf)> {
        let places = self.places.drain(..count.min(self.places.len()));
        let handed = places.map(|place| (place.clone(), files::part_of(&place)));
        handed.inspect(|(_, part)| scratch::settled(part)).collect()
    }

    /// Has a file of an earlier run go, which may be gone already.
    pub fn remove(&mut self, place: PathBuf) {
        self.gone.push(place);
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        for (_, part) in self.hand_over(self.len()) {
            fs::remove_file(part).ok();
        }
    }
}

/// Keeps aside what somebody else put where a run is about to write, notes what it writes, and leaves what is not its own where
/// it would go. Returns the folders that hold what is kept, each with how many.
///
/// # Errors
/// A file cannot be read or kept.
pub fn keep_others(config: &Config, outbox: &mut Outbox) -> Result<BTreeMap<PathBuf, usize>> {
    let mut written = Written::read(config)?;
    let kept = written.keep_others(config, &outbox.places)?;
    for place in std::mem::take(&mut outbox.gone) {
        if written.is_own(config, &place)? {
            outbox.gone.push(place);
        }
    }
    for place in &outbox.places {
        written.note(config, place, &files::part_of(place))?;
    }
    outbox.write(Written::path(config), &written.bytes()?)?;
    Ok(kept)
}

/// What a run puts in place once its warehouse is.
#[derive(Debug, Serialize, Deserialize)]
struct Journal {
    run: String,
    /// The version that becomes current.
    version: Option<String>,
    /// Below DATA_DIR, so that the folder may be moved.
    places: Vec<PathBuf>,
    /// Files of earlier runs that go; likewise.
    #[serde(default)]
    gone: Vec<PathBuf>,
}

fn journal_path(config: &Config) -> PathBuf {
    config.metadata_dir().join(warehouse::PUBLISHING)
}

/// Publishes a run.
///
/// # Errors
/// Nothing was published; or [`Failure::Incomplete`]: the warehouse was, and what was not is named.
pub fn publish(config: &Config, work: WorkCopy, mut outbox: Outbox, run: &str, version: Option<String>) -> Result<()> {
    for place in &outbox.places {
        files::sync(&files::part_of(place))?;
    }
    let below = |place: &PathBuf| place.strip_prefix(&config.data_dir).unwrap_or(place).to_path_buf();
    let [places, gone] = [&outbox.places, &outbox.gone].map(|paths| paths.iter().map(below).collect());
    let journal = Journal { run: run.to_owned(), version, places, gone };
    let (path, work_path) = (journal_path(config), warehouse::work_path(config));
    let prepared = work.close().and_then(|()| files::write(&path, &serde_json::to_vec_pretty(&journal)?));
    let rename = || files::rename_unsynced(&work_path, &config.warehouse_path());
    let published = prepared.and_then(|()| scratch::past_return(rename));
    if published.is_err() {
        warehouse::remove_work(&work_path).ok();
        fs::remove_file(&path).ok();
        return published;
    }
    // from here on the run counts
    outbox.hand_over(outbox.len());
    let faults = complete(config, &journal);
    if faults.is_empty() { Ok(()) } else { Err(Failure::Incomplete(faults.join("; ")).into()) }
}

/// Does what is left to do of a published run; returns what could not be done.
fn complete(config: &Config, journal: &Journal) -> Vec<String> {
    let mut faults = Vec::new();
    let mut note = |done: Result<()>| faults.extend(done.err().map(|error| describe(&error)));
    note(files::sync_parent(&config.warehouse_path()));
    for place in &journal.places {
        note(put_in_place(&config.data_dir.join(place)));
    }
    for place in &journal.gone {
        note(files::remove(&config.data_dir.join(place)));
    }
    let is_current = model::current(&config.models_dir) == journal.version;
    if let Some(version) = journal.version.as_ref().filter(|_| !is_current) {
        note(
            model::promote(&config.models_dir, version, recommend::smoke)
                .with_context(|| t!("version {version}", "版本 {version}")),
        );
    }
    if faults.is_empty() {
        faults.extend(files::remove(&journal_path(config)).err().map(|error| describe(&error)));
    }
    faults
}

/// Renames a file into its place, unless that was done before.
fn put_in_place(place: &Path) -> Result<()> {
    let part = files::part_of(place);
    if part.exists() { files::rename(&part, place) } else { Ok(()) }
}

/// Completes what a run had published when it ended, or undoes what it had only prepared, and removes what it had written
/// beside. Returns the run that was completed.
///
/// # Errors
/// A file cannot be read, renamed or removed.
pub fn recover(config: &Config) -> Result<Option<String>> {
    let path = journal_path(config);
    let mut completed = None;
    if let Some(bytes) = files::read(&path)? {
        let journal: Journal = serde_json::from_slice(&bytes).with_context(|| {
            t!("{} makes no sense; remove it and run again", "{} 内容有误；请删除后重新运行", path.display())
        })?;
        if !warehouse::work_path(config).exists() {
            let faults = complete(config, &journal);
            if !faults.is_empty() {
                return Err(Failure::Incomplete(faults.join("; ")).into());
            }
            completed = Some(journal.run);
        }
        files::remove(&path)?;
    }
    sweep(config)?;
    Ok(completed)
}

/// How the files end that a run writes.
const WRITTEN: [&str; 5] = [".json", ".parquet", ".csv", ".html", ".prom"];

/// Removes what a killed run had written beside its places.
fn sweep(config: &Config) -> Result<()> {
    let evaluation = config.evaluation_dir();
    let dirs = [config.data_dir.join("processed"), config.daily_reports_dir(), evaluation, config.metadata_dir()];
    for dir in dirs.iter().filter(|dir| dir.is_dir()) {
        for entry in fs::read_dir(dir).with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))? {
            let path = entry.with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?.path();
            let name = path.to_string_lossy();
            if WRITTEN.iter().any(|ending| name.strip_suffix(".part").is_some_and(|name| name.ends_with(ending))) {
                files::remove(&path)?;
            }
        }
    }
    Ok(())
}

//! Which versions there are, and which one answers: save, promote, roll back, canary and shadow, prune.
//!
//! Every change is made under a lock of the folder of versions, whichever process makes it; what is about to be done is on
//! disk before it is done, so that one that was cut short is seen by the next.

use std::collections::HashSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::codec::{self, load, read_manifest, verify};
use super::{Manifest, Model};
use crate::common::lock::{self, Lock};
use crate::common::{files, scratch};

const CURRENT: &str = "current";
const PROMOTIONS: &str = "promotions.jsonl";
const TRAFFIC: &str = "traffic.json";

/// What folders begin with that are being written or removed.
const WORK: &str = ".work-";

/// How many versions stay on disk beside the current one.
const KEPT: usize = 10;

/// Asks a version for what it would have to answer; one that cannot is given no visitors.
pub type Check = fn(&Model) -> Result<()>;

/// Holds other changes off until it is dropped.
fn lock(models_dir: &Path) -> Result<Lock> {
    lock::wait(models_dir).context("`nearset run` trains a first version")
}

/// A folder that becomes a version; dropped before that, it is gone.
struct Work {
    path: PathBuf,
    /// Tells others that it is still written to.
    _held: Lock,
}

impl Work {
    fn begin(models_dir: &Path) -> Result<Self> {
        let _lock = lock(models_dir)?;
        sweep(models_dir);
        let path = aside(models_dir);
        fs::create_dir(&path)
            .with_context(|| format!("{} cannot be made; MODELS_DIR must be writable", path.display()))?;
        let held = lock(&path)?;
        Ok(Self { path, _held: held })
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
    }
}

/// A name for a folder that is no version yet, or no more. Two machines may have processes of the same number.
fn aside(models_dir: &Path) -> PathBuf {
    models_dir.join(format!("{WORK}{}-{:08x}", std::process::id(), rand::random::<u32>()))
}

/// Removes what was being written or removed when its process ended.
fn sweep(models_dir: &Path) {
    scratch::sweep_named(models_dir, WORK);
}

/// Removes a version in one step, so that no half of it is ever taken for a whole one.
fn discard(models_dir: &Path, version: &str) -> Result<()> {
    let gone = aside(models_dir);
    files::rename(&models_dir.join(version), &gone)?;
    fs::remove_dir_all(&gone).with_context(|| format!("{} cannot be removed", gone.display()))
}

/// A version that was saved, and is removed again where nobody keeps it.
pub struct Saved {
    /// Its name, which holds `as_of` and a hash of its files.
    pub version: String,
    /// Where it lies, unless it was there before or is kept.
    unkept: Option<PathBuf>,
}

impl Saved {
    /// Lets it stay, and returns its name.
    pub fn keep(mut self) -> String {
        self.unkept = None;
        self.version.clone()
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        if let Some(models_dir) = &self.unkept {
            let gone = lock(models_dir).and_then(|_lock| discard(models_dir, &self.version));
            if let Err(error) = gone {
                tracing::warn!("version {}, of a run that failed, stays: {error:#}", self.version);
            }
        }
    }
}

/// Saves a version. One already there with the same content is left as it is, where it is whole.
pub fn save(models_dir: &Path, model: &mut Model) -> Result<Saved> {
    fs::create_dir_all(models_dir)
        .with_context(|| format!("{} cannot be made; MODELS_DIR must be writable", models_dir.display()))?;
    let work = Work::begin(models_dir)?;
    codec::write(&work.path, model)?;
    let _lock = lock(models_dir)?;
    let version = model.manifest.version.clone();
    let mut saved = Saved { version: version.clone(), unkept: None };
    if verify(models_dir, &version).is_err() {
        if fs::symlink_metadata(models_dir.join(&version)).is_ok() {
            discard(models_dir, &version)?;
        }
        files::rename(&work.path, &models_dir.join(&version))?;
        saved.unkept = Some(models_dir.to_owned());
    }
    Ok(saved)
}

/// The name of the current version, where there is one.
pub fn current(models_dir: &Path) -> Option<String> {
    let target = fs::read_link(models_dir.join(CURRENT)).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}

/// The name of the current version, or what to do where there is none.
pub fn require_current(models_dir: &Path) -> Result<String> {
    current(models_dir)
        .with_context(|| format!("{} has no current version; `nearset run` trains one", models_dir.display()))
}

/// Loads the current version.
pub fn load_current(models_dir: &Path) -> Result<Model> {
    load(models_dir, &require_current(models_dir)?)
}

/// The versions on disk, oldest first.
#[derive(Default)]
pub struct Versions {
    /// Those whose manifest is whole.
    pub whole: Vec<Manifest>,
    /// The others by name, and what is wrong with each.
    pub damaged: Vec<(String, anyhow::Error)>,
}

/// Lists the versions on disk.
pub fn list(models_dir: &Path) -> Result<Versions> {
    let entries = match fs::read_dir(models_dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Versions::default()),
        entries => entries.with_context(|| format!("{} cannot be read", models_dir.display()))?,
    };
    let mut found = Versions::default();
    for entry in entries {
        let path = entry.with_context(|| format!("{} cannot be read", models_dir.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_version = fs::symlink_metadata(path.join(codec::MANIFEST)).is_ok();
        if name == CURRENT || name.starts_with('.') || !is_version {
            continue;
        }
        match read_manifest(models_dir, &name) {
            Ok(manifest) => found.whole.push(manifest),
            Err(error) => found.damaged.push((name, error)),
        }
    }
    found.whole.sort_by(|a, b| a.version.cmp(&b.version));
    found.damaged.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// One line of `promotions.jsonl`.
#[derive(Debug, Serialize, Deserialize)]
struct Promotion {
    version: String,
    at: DateTime<Utc>,
}

impl Promotion {
    fn now(version: &str) -> Self {
        Self { version: version.to_owned(), at: Utc::now() }
    }
}

/// All promotions, oldest first; a line that was cut short is none.
fn promotions(models_dir: &Path) -> Result<Vec<Promotion>> {
    let bytes = files::read(&models_dir.join(PROMOTIONS))?.unwrap_or_default();
    Ok(bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

fn write_promotions(models_dir: &Path, history: &[Promotion]) -> Result<()> {
    let mut text = Vec::new();
    for promotion in history {
        serde_json::to_writer(&mut text, promotion)?;
        text.push(b'\n');
    }
    files::write(&models_dir.join(PROMOTIONS), &text)
}

/// The promotions, agreeing with what is current whatever was cut short before: one that was written down and never became
/// current is taken out, and a current version that was not written down is added. What all get is nobody's canary either.
fn settled(models_dir: &Path) -> Result<Vec<Promotion>> {
    let mut history = promotions(models_dir)?;
    let (length, last) = (history.len(), history.last().map(|past| past.version.clone()));
    match current(models_dir) {
        // the very first promotion was cut short
        None if length == 1 => history.clear(),
        None => {}
        Some(current) => {
            let is_last = |history: &[Promotion]| history.last().is_some_and(|last| last.version == current);
            if !is_last(&history) && history.iter().any(|past| past.version == current) {
                history.pop();
            }
            if !is_last(&history) {
                history.push(Promotion::now(&current));
            }
            end_canary(models_dir, &current)?;
        }
    }
    if history.len() != length || history.last().map(|past| &past.version) != last.as_ref() {
        write_promotions(models_dir, &history)?;
    }
    Ok(history)
}

/// Ends the canary, where it is this version. What cannot be read is left as it is: it stops nobody from going back.
fn end_canary(models_dir: &Path, version: &str) -> Result<()> {
    match traffic(models_dir) {
        Ok(Traffic { canary: Some(canary), shadow }) if canary.version == version => {
            set_traffic(models_dir, &Traffic { canary: None, shadow })
        }
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::warn!("{error:#}");
            Ok(())
        }
    }
}

/// Makes a version the current one, in one step, once it has been loaded and has answered.
pub fn promote(models_dir: &Path, version: &str, check: Check) -> Result<()> {
    let _lock = lock(models_dir)?;
    switch(models_dir, version, check)
}

fn switch(models_dir: &Path, version: &str, check: Check) -> Result<()> {
    ask(models_dir, version, check)?;
    let mut history = settled(models_dir)?;
    if current(models_dir).as_deref() != Some(version) {
        history.push(Promotion::now(version));
        write_promotions(models_dir, &history)?;
        let link = models_dir.join(".current-next");
        fs::remove_file(&link).ok();
        symlink(version, &link).with_context(|| format!("{} cannot be made", link.display()))?;
        files::rename(&link, &models_dir.join(CURRENT))?;
        end_canary(models_dir, version)?;
    }
    Ok(())
}

/// Loads a version and asks it.
fn ask(models_dir: &Path, version: &str, check: Check) -> Result<()> {
    check(&load(models_dir, version)?).with_context(|| format!("version {version} cannot answer"))
}

/// The versions that were current before `now`, the last of them first. Those that were rolled back from are behind us: the
/// way back is a stack.
fn way_back(history: &[Promotion], now: &str) -> Vec<String> {
    let mut stack: Vec<&str> = Vec::new();
    for promotion in history {
        match stack.iter().position(|version| *version == promotion.version) {
            Some(place) => stack.truncate(place + 1),
            None => stack.push(&promotion.version),
        }
    }
    let place = stack.iter().position(|version| *version == now).unwrap_or(stack.len());
    stack[..place].iter().rev().map(|version| (*version).to_owned()).collect()
}

/// Goes back to the version that was current before the current one, and returns its name. One that is gone or damaged is
/// passed over.
pub fn rollback(models_dir: &Path, check: Check) -> Result<String> {
    let _lock = lock(models_dir)?;
    let now = current(models_dir).context("there is no current version to go back from")?;
    let mut refused = Vec::new();
    for version in way_back(&settled(models_dir)?, &now) {
        match switch(models_dir, &version, check) {
            Ok(()) => return Ok(version),
            Err(error) => refused.push(format!("{error:#}")),
        }
    }
    ensure!(!refused.is_empty(), "no version was current before this one");
    bail!("no version to go back to is whole: {}", refused.join("; "))
}

/// What could stand in for a current version that is damaged: those that were current before it, the last of them first,
/// then the newest there are.
pub fn standbys(models_dir: &Path) -> Result<Vec<String>> {
    let now = current(models_dir).unwrap_or_default();
    let mut names = way_back(&promotions(models_dir)?, &now);
    names.extend(list(models_dir)?.whole.into_iter().rev().map(|manifest| manifest.version));
    let mut seen = HashSet::from([now]);
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

/// What else than the current version answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Answers its share of the visitors.
    pub canary: Option<Share>,
    /// Makes lists for its share of the requests, which are logged and not shown.
    pub shadow: Option<Share>,
}

/// A version and its share of the traffic, 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub version: String,
    pub share: f64,
}

/// What a version is that answers beside the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    Canary,
    Shadow,
}

/// Where [`Traffic`] is kept.
pub fn traffic_path(models_dir: &Path) -> PathBuf {
    models_dir.join(TRAFFIC)
}

/// Reads what else than the current version answers; nothing, where no file says so.
pub fn traffic(models_dir: &Path) -> Result<Traffic> {
    let path = traffic_path(models_dir);
    let cannot = || format!("{} cannot be read; without it the current version answers all", path.display());
    match files::read(&path).with_context(cannot)? {
        Some(text) => serde_json::from_slice(&text).with_context(cannot),
        None => Ok(Traffic::default()),
    }
}

fn set_traffic(models_dir: &Path, traffic: &Traffic) -> Result<()> {
    files::write(&traffic_path(models_dir), &serde_json::to_vec_pretty(traffic)?)
}

/// Gives a version that answers its share beside the current one, or takes it away; servers notice within a second.
pub fn set_beside(models_dir: &Path, what: Beside, part: Option<Share>, check: Check) -> Result<()> {
    let _lock = lock(models_dir)?;
    if let Some(part) = &part {
        ask(models_dir, &part.version, check)?;
    }
    let mut traffic = traffic(models_dir)?;
    match what {
        Beside::Canary => traffic.canary = part,
        Beside::Shadow => traffic.shadow = part,
    }
    set_traffic(models_dir, &traffic)
}

/// Removes all but the newest versions, those that are current, canary, shadow or the way back, and those in `spared`. Damaged
/// ones stay for whoever looks into what damaged them.
pub fn prune(models_dir: &Path, spared: &[String]) -> Result<()> {
    let _lock = lock(models_dir)?;
    sweep(models_dir);
    let history = settled(models_dir)?;
    let Traffic { canary, shadow } = traffic(models_dir).context("no version was removed")?;
    let versions = list(models_dir)?.whole;
    let mut kept: HashSet<String> = spared.iter().cloned().collect();
    kept.extend(canary.into_iter().chain(shadow).map(|share| share.version));
    kept.extend(history.iter().rev().take(2).map(|past| past.version.clone()));
    if let Some(now) = current(models_dir) {
        let is_there = |name: &String| versions.iter().any(|manifest| manifest.version == *name);
        kept.extend(way_back(&history, &now).into_iter().filter(is_there).take(2));
        kept.insert(now);
    }
    for manifest in versions.iter().rev().skip(KEPT).filter(|manifest| !kept.contains(&manifest.version)) {
        discard(models_dir, &manifest.version)?;
    }
    Ok(())
}

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

use super::codec::{self, load, read_manifest, verify};
use super::promotions::Promotions;
use super::traffic::{self, Beside, Share, Traffic};
use super::{Manifest, Model, registry_file};
use crate::common::language::{either, t};
use crate::common::lock::{self, Lock};
use crate::common::{files, scratch};

/// The link to the version that answers.
pub const CURRENT: &str = "current";

/// What folders begin with that are being written or removed.
const WORK: &str = ".work-";

/// How many steps back stay possible, however old the versions are.
const WAY_BACK: usize = 2;

/// Asks a version for what it would have to answer; one that cannot is given no visitors.
pub type Check = fn(&Model) -> Result<()>;

/// Holds other changes off until it is dropped.
fn lock(models_dir: &Path) -> Result<Lock> {
    lock::wait(models_dir).context(either("`nearset run` trains a first version", "用 `nearset run` 训练第一个版本"))
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
        fs::create_dir(&path).with_context(|| {
            t!("{} cannot be made; MODELS_DIR must be writable", "{} 无法创建；MODELS_DIR 须可写", path.display())
        })?;
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
    files::rename_unsynced(&models_dir.join(version), &gone)?;
    // on disk before its files go, so that no half version is left under the name; a disk that fails it keeps none either
    let synced = files::sync_parent(&gone);
    fs::remove_dir_all(&gone).with_context(|| t!("{} cannot be removed", "{} 无法删除", gone.display()))?;
    synced
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
///
/// # Errors
/// The folder cannot be written to.
pub fn save(models_dir: &Path, model: &mut Model) -> Result<Saved> {
    fs::create_dir_all(models_dir).with_context(|| {
        t!("{} cannot be made; MODELS_DIR must be writable", "{} 无法创建；MODELS_DIR 须可写", models_dir.display())
    })?;
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

/// Has `model_registry.json` call a version's run and its files as MLflow does.
///
/// # Errors
/// The file cannot be read or written.
pub fn name_run(models_dir: &Path, version: &str, run_id: &str, artifact_uri: &str) -> Result<()> {
    let _lock = lock(models_dir)?;
    registry_file::name_run(models_dir, version, run_id, artifact_uri)
}

/// The name of the current version, where there is one.
pub fn current(models_dir: &Path) -> Option<String> {
    let target = fs::read_link(models_dir.join(CURRENT)).ok()?;
    Some(target.file_name()?.to_string_lossy().into_owned())
}

/// The name of the current version.
///
/// # Errors
/// There is none, and what to do about it.
pub fn require_current(models_dir: &Path) -> Result<String> {
    current(models_dir).with_context(|| {
        t!(
            "{} has no current version; `nearset run` trains one",
            "{} 没有当前版本；用 `nearset run` 训练一个",
            models_dir.display()
        )
    })
}

/// Loads the current version.
///
/// # Errors
/// There is none, or it is damaged.
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
///
/// # Errors
/// The folder cannot be read.
pub fn list(models_dir: &Path) -> Result<Versions> {
    let entries = match fs::read_dir(models_dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Versions::default()),
        entries => entries.with_context(|| t!("{} cannot be read", "{} 无法读取", models_dir.display()))?,
    };
    let mut found = Versions::default();
    for entry in entries {
        let path = entry.with_context(|| t!("{} cannot be read", "{} 无法读取", models_dir.display()))?.path();
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

/// The promotions, agreeing with what is current; what all get is nobody's canary either, and the file that tells others
/// says so.
fn settled(models_dir: &Path) -> Result<Promotions> {
    let now = current(models_dir);
    let mut promotions = Promotions::read(models_dir)?;
    let has_changed = promotions.settle(now.as_deref());
    if let Some(now) = &now {
        traffic::end_beside(models_dir, now)?;
    }
    if has_changed {
        promotions.write(models_dir)?;
    }
    registry_file::keep_true(models_dir, now.as_deref())?;
    Ok(promotions)
}

/// Makes a version the current one, in one step, once it has been loaded and has answered.
///
/// # Errors
/// It cannot be loaded, cannot answer, or the link cannot be changed.
pub fn promote(models_dir: &Path, version: &str, check: Check) -> Result<()> {
    let _lock = lock(models_dir)?;
    switch(models_dir, version, check)
}

fn switch(models_dir: &Path, version: &str, check: Check) -> Result<()> {
    ask(models_dir, version, check)?;
    let mut promotions = settled(models_dir)?;
    if current(models_dir).as_deref() != Some(version) {
        promotions.push(version);
        promotions.write(models_dir)?;
        let link = models_dir.join(".current-next");
        fs::remove_file(&link).ok();
        symlink(version, &link).with_context(|| t!("{} cannot be made", "{} 无法创建", link.display()))?;
        files::rename(&link, &models_dir.join(CURRENT))?;
        traffic::end_beside(models_dir, version)?;
        registry_file::keep_true(models_dir, Some(version))?;
    }
    Ok(())
}

/// Loads a version and asks it.
fn ask(models_dir: &Path, version: &str, check: Check) -> Result<()> {
    check(&load(models_dir, version)?).with_context(|| t!("version {version} cannot answer", "版本 {version} 无法应答"))
}

/// Goes back to the version that was current before the current one, and returns its name. One that is gone or damaged is
/// passed over.
///
/// # Errors
/// There is no whole version to go back to.
pub fn rollback(models_dir: &Path, check: Check) -> Result<String> {
    let _lock = lock(models_dir)?;
    let now =
        current(models_dir).context(either("there is no current version to go back from", "没有当前版本，无从回退"))?;
    let mut refused = Vec::new();
    for version in settled(models_dir)?.way_back(&now) {
        match switch(models_dir, &version, check) {
            Ok(()) => return Ok(version),
            Err(error) => refused.push(format!("{error:#}")),
        }
    }
    ensure!(!refused.is_empty(), t!("no version was current before this one", "此前没有当前版本"));
    bail!(t!("no version to go back to is whole: {}", "可回退的版本都不完整：{}", refused.join("; ")))
}

/// What could stand in for a current version that is damaged: those that were current before it, the last of them first,
/// then the newest there are.
///
/// # Errors
/// The folder or the promotions cannot be read.
pub fn standbys(models_dir: &Path) -> Result<Vec<String>> {
    let now = current(models_dir).unwrap_or_default();
    let mut names = Promotions::read(models_dir)?.way_back(&now);
    names.extend(list(models_dir)?.whole.into_iter().rev().map(|manifest| manifest.version));
    let mut seen = HashSet::from([now]);
    names.retain(|name| seen.insert(name.clone()));
    Ok(names)
}

/// Gives a version that answers its share beside the current one, or takes it away; servers notice within a second.
///
/// # Errors
/// The version cannot be loaded or cannot answer, or the file cannot be read or written.
pub fn set_beside(models_dir: &Path, what: Beside, share: Option<Share>, check: Check) -> Result<()> {
    let _lock = lock(models_dir)?;
    if let Some(share) = &share {
        ask(models_dir, &share.version, check)?;
    }
    let mut traffic = traffic::traffic(models_dir)?;
    match what {
        Beside::Canary => traffic.canary = share,
        Beside::Shadow => traffic.shadow = share,
    }
    traffic::write(models_dir, &traffic)
}

/// Removes all but the newest `kept` versions (0 keeps all), those that are current, canary, shadow or the way back, and those
/// in `spared`. Damaged ones stay for whoever looks into what damaged them. Returns which went.
///
/// # Errors
/// It is not known what is needed, or a folder cannot be removed.
pub fn prune(models_dir: &Path, kept: usize, spared: &[String]) -> Result<Vec<String>> {
    let _lock = lock(models_dir)?;
    sweep(models_dir);
    settled(models_dir)?;
    let gone = superfluous(models_dir, kept, spared).context(either("no version was removed", "未删除任何版本"))?;
    gone.iter().try_for_each(|version| discard(models_dir, version))?;
    Ok(gone)
}

/// Which versions [`prune`] would remove.
///
/// # Errors
/// It is not known what is needed.
pub fn superfluous(models_dir: &Path, kept: usize, spared: &[String]) -> Result<Vec<String>> {
    if kept == 0 {
        return Ok(Vec::new());
    }
    let Traffic { canary, shadow } = traffic::traffic(models_dir)?;
    let versions: Vec<String> = list(models_dir)?.whole.into_iter().map(|manifest| manifest.version).collect();
    let beside = canary.into_iter().chain(shadow).map(|share| share.version);
    let needed: HashSet<String> = spared.iter().cloned().chain(beside).collect();
    let (promotions, now) = (Promotions::read(models_dir)?, current(models_dir));
    Ok(unneeded(&versions, &promotions, now.as_deref(), kept, &needed).into_iter().map(str::to_owned).collect())
}

/// Which of the versions there are (oldest first) nobody needs: not the newest, not current, nor the way back from it.
fn unneeded<'a>(
    versions: &'a [String],
    promotions: &Promotions,
    now: Option<&str>,
    kept: usize,
    needed: &HashSet<String>,
) -> Vec<&'a str> {
    let is_there = |name: &String| versions.contains(name);
    let back: Vec<String> =
        now.iter().flat_map(|now| promotions.way_back(now).into_iter().filter(is_there).take(WAY_BACK)).collect();
    let is_kept = |name: &str| {
        needed.contains(name)
            || now == Some(name)
            || promotions.newest(WAY_BACK).any(|version| version == name)
            || back.iter().any(|version| version == name)
    };
    versions.iter().rev().skip(kept).map(String::as_str).filter(|name| !is_kept(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_and_the_way_back_are_kept() {
        let versions: Vec<String> = (10..30).map(|number| format!("v{number}")).collect();
        let mut promotions = Promotions::default();
        // v09 is no longer there: one further back is kept for it
        ["v10", "v11", "v12", "v09", "v20", "v13"].iter().for_each(|version| promotions.push(version));
        let needed = HashSet::from(["v16".to_owned()]);
        let gone = unneeded(&versions, &promotions, Some("v13"), 10, &needed);
        // the newest ten are v20 to v29; v13 is current, v20 and v12 were before it
        assert_eq!(gone, ["v19", "v18", "v17", "v15", "v14", "v11", "v10"]);
    }
}

//! What is in force: the current version, canary and shadow, rules and experiments are looked at every second. What changed
//! is read beside what is in force and put in its place by one pointer; what cannot be read leaves the old in force.
//! Requests in flight finish on the old one.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::DirEntry;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use chrono::{NaiveDate, Utc};

use super::experiments::Experiments;
use super::state::{Beside, InForce, Loaded, Shared};
use crate::model::{self, Model, Share};
use crate::recommend::rules::Rules;
use crate::recommend::{self, Policy};
use crate::warehouse;

const EVERY: Duration = Duration::from_secs(1);

/// How often recent views are ranked anew, in seconds.
const RANK_EVERY: u32 = 10;

/// How the files of a folder look from outside: name, when written, length, inode.
pub type FolderLook = Vec<(OsString, Option<SystemTime>, u64, u64)>;

fn folder_look(state: &Shared, version: &str) -> FolderLook {
    let Ok(entries) = std::fs::read_dir(state.config.models_dir.join(version)) else { return FolderLook::new() };
    let about = |entry: DirEntry| entry.metadata().map(|m| (entry.file_name(), m.modified().ok(), m.len(), m.ino()));
    let mut look: FolderLook = entries.flatten().filter_map(|entry| about(entry).ok()).collect();
    look.sort();
    look
}

/// Puts what there is in force when the server starts: the current version or, where it is damaged, the one that stands in.
pub fn start(state: &Shared) {
    let Err(error) = load_current(state) else { return };
    match stand_in(state) {
        Ok(version) => tracing::error!(
            "the current version does not answer, {version} does: {error:#}; `nearset models promote` or `rollback` makes \
             another current, `nearset run` trains one"
        ),
        Err(others) => {
            tracing::warn!("no model yet, lists answer 503 until there is one: {error:#}");
            tracing::debug!("nothing stands in: {others:#}");
        }
    }
}

/// Puts the newest whole version in force that was current before, else the newest there is; returns its name.
fn stand_in(state: &Shared) -> Result<String> {
    let dir = &state.config.models_dir;
    // where nothing was ever promoted, nothing is to be served
    model::require_current(dir)?;
    for version in model::standbys(dir)? {
        match put_in_force(state, &version, Current::FromDisk) {
            Ok(()) => return Ok(version),
            Err(error) => tracing::error!("version {version} cannot stand in: {error:#}"),
        }
    }
    Err(anyhow!("no version is whole"))
}

/// Loads the current version and what goes with it, and puts all in force; returns the current version's name. On error
/// what was in force stays.
pub fn load_current(state: &Shared) -> Result<String> {
    let current = model::require_current(&state.config.models_dir)?;
    if let Err(error) = put_in_force(state, &current, Current::FromDisk) {
        // what is wrong with it names folders: it goes to the log, not to whoever asks for the server's health
        let fault = format!("version {current} is current and cannot be loaded; the server's log says why");
        state.model_fault.store(Some(Arc::new(fault)));
        return Err(error);
    }
    tracing::info!("serving model {current}");
    if let Err(error) = read_data_quality(state) {
        tracing::debug!("data quality: {error:#}");
    }
    Ok(current)
}

/// Where the current version is taken from.
#[derive(Clone, Copy, PartialEq)]
enum Current {
    FromDisk,
    /// It stays the one that is in force.
    FromMemory,
}

/// Loads versions once each: from memory where they are in force, else from disk.
struct Loader<'a> {
    state: &'a Shared,
    experiments: Arc<Experiments>,
    models: HashMap<String, Arc<Model>>,
    refused: HashMap<String, FolderLook>,
}

impl<'a> Loader<'a> {
    fn new(state: &'a Shared) -> Self {
        let before = state.in_force.load_full();
        let versions = before.iter().flat_map(|before| before.versions());
        let models = versions.map(|loaded| (loaded.version().to_owned(), loaded.model.clone())).collect();
        Self { state, experiments: state.experiments.load_full(), models, refused: HashMap::new() }
    }

    fn load(&mut self, version: &str) -> Result<Arc<Loaded>> {
        let look = folder_look(self.state, version);
        self.try_load(version).inspect_err(|_| drop(self.refused.insert(version.to_owned(), look)))
    }

    fn try_load(&mut self, version: &str) -> Result<Arc<Loaded>> {
        let model = match self.models.get(version) {
            Some(model) => model.clone(),
            None => Arc::new(model::load(&self.state.config.models_dir, version)?),
        };
        recommend::smoke(&model).with_context(|| format!("version {version} cannot answer"))?;
        self.models.insert(version.to_owned(), model.clone());
        let policies = policies(self.state, &model, &self.experiments);
        Ok(Arc::new(Loaded::new(model, policies, self.state.config.serve.cache_mb)))
    }

    /// Loads a version that answers beside the current one; reports one that cannot.
    fn beside(&mut self, what: &str, version: &str) -> Option<Arc<Loaded>> {
        let loaded = self.load(version);
        loaded.inspect_err(|error| report(self.state, what, version, error)).ok()
    }
}

fn report(state: &Shared, what: &str, version: &str, error: &anyhow::Error) {
    tracing::error!("{what} version {version} does not answer: {error:#}");
    state.metrics.error("model_load", what);
}

/// Puts a version in force as the current one, with canary, shadow, experiments and the rules of the day, and no list made
/// before. A version beside the current one that cannot answer is left out and reported.
fn put_in_force(state: &Shared, version: &str, from: Current) -> Result<()> {
    let _one = state.loading.lock().unwrap_or_else(PoisonError::into_inner);
    let mut loader = Loader::new(state);
    if from == Current::FromDisk {
        loader.models.remove(version);
    }
    let current = match loader.load(version) {
        Ok(current) => current,
        Err(error) => {
            refused(state).extend(loader.refused);
            return Err(error);
        }
    };
    let traffic = model::traffic(&state.config.models_dir).unwrap_or_else(|error| {
        report(state, "canary or shadow", "?", &error);
        model::Traffic::default()
    });
    let mut beside = |what: &str, share: Option<Share>| {
        let Share { version, share } = share.filter(|s| s.share > 0.0 && s.version != current.version())?;
        Some(Beside { loaded: loader.beside(what, &version)?, share })
    };
    let (canary, shadow) = (beside("canary", traffic.canary), beside("shadow", traffic.shadow));
    let experiments = loader.experiments.clone();
    let mut named = HashMap::new();
    for version in experiments.arms.iter().filter_map(|arm| arm.version.as_ref()) {
        if let Some(loaded) = loader.beside("experiment", version) {
            named.insert(version.clone(), loaded);
        }
    }
    state.in_force.store(Some(Arc::new(InForce { current, canary, shadow, named, experiments })));
    remember(state, version, from, loader.refused);
    Ok(())
}

/// The versions that were refused.
fn refused(state: &Shared) -> MutexGuard<'_, HashMap<String, FolderLook>> {
    state.refused.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps which versions were refused now that `version` is in force: the current one stays among them until it was loaded.
fn remember(state: &Shared, version: &str, from: Current, now: HashMap<String, FolderLook>) {
    let current = model::current(&state.config.models_dir);
    let mut refused = refused(state);
    refused.retain(|name, _| Some(name) == current.as_ref() && (name != version || from == Current::FromMemory));
    refused.extend(now);
    if current.as_deref() == Some(version) && !refused.contains_key(version) {
        state.model_fault.store(None);
    }
}

/// Whether the folder of a version that was refused looks another way now.
fn has_refused_changed(state: &Shared) -> bool {
    refused(state).iter().any(|(version, look)| folder_look(state, version) != *look)
}

/// What settings, rules and experiments ask of lists today, for each variant.
fn policies(state: &Shared, model: &Model, experiments: &Experiments) -> Vec<Policy> {
    let settings = Policy {
        diversity: state.config.lists.diversity,
        per_provider: state.config.lists.provider_limit,
        rules: Arc::new(state.rules.load().active_on(today(state), model)),
        ..Policy::default()
    };
    experiments.arms.iter().map(|arm| arm.policy(&settings)).collect()
}

/// The day that rules are read for, in the time zone of reports.
fn today(state: &Shared) -> NaiveDate {
    let zone: chrono_tz::Tz = state.config.parameters.report_timezone.parse().unwrap_or(chrono_tz::UTC);
    Utc::now().with_timezone(&zone).date_naive()
}

/// Reads the file of rules; where there is none, there are no rules.
pub fn read_rules(state: &Shared) -> Result<()> {
    let path = state.config.rules_path();
    let rules = match std::fs::read_to_string(&path) {
        Ok(text) => Rules::parse(&text).map_err(|problem| anyhow!("{}: {problem}", path.display()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Rules::default(),
        Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
    };
    tracing::info!("{} rules in {}", rules.rules.len(), path.display());
    state.rules.store(Arc::new(rules));
    Ok(())
}

/// Reads the file of experiments; where there is none, there are none.
pub fn read_experiments(state: &Shared) -> Result<()> {
    let path = state.config.experiments_path();
    let experiments = Experiments::read(&path)?;
    tracing::info!("{} experiments run by {}", experiments.count(), path.display());
    state.experiments.store(Arc::new(experiments));
    Ok(())
}

/// What decides what is in force: another [`Seen`] is another state of the disk, or another day.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    current: Option<String>,
    traffic: Written,
    rules: Written,
    experiments: (PathBuf, Written),
    day: NaiveDate,
}

/// When a file was written and how long it is, so that two changes within a second are told apart.
type Written = Option<(SystemTime, u64)>;

fn written(path: &Path) -> Written {
    std::fs::metadata(path).and_then(|m| Ok((m.modified()?, m.len()))).ok()
}

/// Looks at all of it.
pub fn look(state: &Shared) -> Seen {
    let config = &state.config;
    let experiments = config.experiments_path();
    Seen {
        current: model::current(&config.models_dir),
        traffic: written(&model::traffic_path(&config.models_dir)),
        rules: written(&config.rules_path()),
        experiments: (experiments.clone(), written(&experiments)),
        day: today(state),
    }
}

/// Takes up what changed since `before`.
fn take_up(state: &Shared, before: &Seen, now: &Seen) {
    let failed = |what: &str, error: anyhow::Error| {
        tracing::error!("{what} stay as they were: {error:#}");
        state.metrics.error(what, "watch");
    };
    if now.rules != before.rules
        && let Err(error) = read_rules(state)
    {
        failed("rules", error);
    }
    if now.experiments != before.experiments
        && let Err(error) = read_experiments(state)
    {
        failed("experiments", error);
    }
    let Some(in_force) = state.in_force.load().as_ref().map(|f| f.current.version().to_owned()) else {
        if now.current.is_some() {
            start(state);
        }
        return;
    };
    let wanted = now.current.as_ref().filter(|v| **v != in_force || refused(state).contains_key(*v));
    if let Some(version) = wanted {
        match load_current(state) {
            Ok(_) => return,
            Err(error) => tracing::error!("version {version} was not taken up, {in_force} answers: {error:#}"),
        }
        state.metrics.error("model_load", "watch");
    }
    if let Err(error) = put_in_force(state, &in_force, Current::FromMemory) {
        tracing::error!("version {in_force} stays as it was: {error:#}");
        state.metrics.error("model_load", "watch");
    }
}

/// Takes the figures of the last run's input into the metrics.
fn read_data_quality(state: &Shared) -> Result<()> {
    let db = warehouse::open_published(&state.config)?;
    for row in warehouse::rows::<serde_json::Value>(
        &db,
        "select table_name, quality_score, contract_status from data_quality",
    )? {
        if let Some(table) = row["table_name"].as_str() {
            let (score, status) = (row["quality_score"].as_f64(), row["contract_status"].as_f64());
            state.metrics.data_quality(table, score.unwrap_or(0.0), status.unwrap_or(0.0));
        }
    }
    Ok(())
}

/// Watches until the server stops; `seen` is what was there before all was read.
pub async fn watch(state: Shared, mut seen: Seen) {
    for round in 1_u32.. {
        tokio::time::sleep(EVERY).await;
        let now = look(&state);
        let is_ranked = round.is_multiple_of(RANK_EVERY);
        let is_changed = now != seen || has_refused_changed(&state);
        if !is_changed && !is_ranked {
            continue;
        }
        let (before, working) = (std::mem::replace(&mut seen, now.clone()), state.clone());
        let done = tokio::task::spawn_blocking(move || {
            if is_ranked {
                working.views.rank(Utc::now());
                // a run that was killed leaves a file as large as the warehouse, where lists have to be logged
                warehouse::remove_left_work(&working.config);
            }
            if is_changed {
                take_up(&working, &before, &now);
            }
        });
        if let Err(error) = done.await {
            tracing::error!("taking up what changed: {error}");
        }
    }
}

//! What is in force: the current version, canary and shadow, rules and experiments are looked at every second. What changed
//! is read beside what is in force and put in its place by one pointer; what cannot be read leaves the old in force.
//! Requests in flight finish on the old one.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use chrono::{NaiveDate, Utc};

use super::answer;
use super::experiments::Experiments;
use super::state::{Beside, InForce, Loaded, Shared};
use crate::evaluate;
use crate::model::{self, Model, Share};
use crate::recommend::Policy;
use crate::recommend::rules::Rules;
use crate::warehouse;

const EVERY: Duration = Duration::from_secs(1);

/// How often recent views are ranked anew, in seconds.
const RANK_EVERY: u32 = 10;

/// Loads the current version and what goes with it, and puts all in force; returns the current version's name. On error
/// what was in force stays.
pub fn load_current(state: &Shared) -> Result<String> {
    let current = model::require_current(&state.config.models_dir)?;
    put_in_force(state, &current, Current::FromDisk)?;
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

/// Puts a version in force as the current one, with canary, shadow, experiments and the rules of the day, and no list made
/// before. A version beside the current one that cannot answer is left out and reported.
fn put_in_force(state: &Shared, current: &str, from: Current) -> Result<()> {
    let _one = state.loading.lock().unwrap_or_else(PoisonError::into_inner);
    let before = state.in_force.load_full();
    let mut models: HashMap<String, Arc<Model>> = HashMap::new();
    for loaded in before.iter().flat_map(|before| before.versions()) {
        models.insert(loaded.version().to_owned(), loaded.model.clone());
    }
    if from == Current::FromDisk {
        models.remove(current);
    }
    let experiments = state.experiments.load_full();
    let dir = &state.config.models_dir;
    let mut load = |version: &str| -> Result<Arc<Loaded>> {
        let model = match models.get(version) {
            Some(model) => model.clone(),
            None => Arc::new(model::load(dir, version)?),
        };
        models.insert(version.to_owned(), model.clone());
        let policies = policies(state, &model, &experiments);
        let loaded = Loaded::new(model, policies, state.config.cache_mb);
        answer::smoke(&loaded).with_context(|| format!("version {version} cannot answer"))?;
        Ok(Arc::new(loaded))
    };
    let current = load(current)?;
    let report = |what: &str, version: &str, error: anyhow::Error| {
        tracing::error!("{what} version {version} does not answer: {error:#}");
        state.metrics.error("model_load", what);
    };
    let traffic = model::traffic(dir).unwrap_or_else(|error| {
        report("canary or shadow", "?", error);
        model::Traffic::default()
    });
    let mut beside = |what: &str, share: Option<Share>| {
        let Share { version, share } = share.filter(|s| s.share > 0.0 && s.version != current.version())?;
        match load(&version) {
            Ok(loaded) => Some(Beside { loaded, share }),
            Err(error) => {
                report(what, &version, error);
                None
            }
        }
    };
    let (canary, shadow) = (beside("canary", traffic.canary), beside("shadow", traffic.shadow));
    let mut named = HashMap::new();
    for version in experiments.arms.iter().filter_map(|arm| arm.version.as_ref()) {
        match load(version) {
            Ok(loaded) => drop(named.insert(version.clone(), loaded)),
            Err(error) => report("experiment", version, error),
        }
    }
    state.in_force.store(Some(Arc::new(InForce { current, canary, shadow, named, experiments })));
    Ok(())
}

/// What settings, rules and experiments ask of lists today, for each variant.
fn policies(state: &Shared, model: &Model, experiments: &Experiments) -> Vec<Policy> {
    let settings = Policy {
        variety: state.config.variety,
        per_provider: state.config.provider_limit,
        rules: Arc::new(state.rules.load().in_force(model, today(state))),
        ..Policy::default()
    };
    experiments.arms.iter().map(|arm| arm.policy(&settings)).collect()
}

/// The day that rules are read for, in the time zone of reports.
fn today(state: &Shared) -> NaiveDate {
    let zone: chrono_tz::Tz = state.config.report_timezone.parse().unwrap_or(chrono_tz::UTC);
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
    current: Option<(String, Written)>,
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
    let current = model::current(&config.models_dir);
    let experiments = config.experiments_path();
    Seen {
        current: current.map(|version| {
            let manifest = config.models_dir.join(&version).join("manifest.json");
            (version, written(&manifest))
        }),
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
    let in_force = state.in_force.load().as_ref().map(|f| f.current.version().to_owned());
    let is_new = now.current.as_ref().map(|(version, _)| version) != in_force.as_ref();
    let result = match (&now.current, in_force) {
        (Some(_), _) if is_new => load_current(state).map(drop),
        (_, Some(version)) => put_in_force(state, &version, Current::FromMemory),
        _ => return,
    };
    if let Err(error) = result {
        let version = now.current.as_ref().map_or("none", |(version, _)| version);
        tracing::error!("version {version} was not taken up: {error:#}");
        state.metrics.error("model_load", "watch");
    }
}

/// Takes the figures of the last run's input into the metrics.
fn read_data_quality(state: &Shared) -> Result<()> {
    let db = warehouse::open_published(&state.config)?;
    for row in evaluate::rows(&db, "select table_name, quality_score, contract_status from data_quality")? {
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
        if now == seen && !is_ranked {
            continue;
        }
        let (before, working) = (std::mem::replace(&mut seen, now.clone()), state.clone());
        let done = tokio::task::spawn_blocking(move || {
            if is_ranked {
                working.views.rank(Utc::now());
                // a run that was killed leaves a file as large as the warehouse, where lists have to be logged
                warehouse::remove_left_work(&working.config);
            }
            if before != now {
                take_up(&working, &before, &now);
            }
        });
        if let Err(error) = done.await {
            tracing::error!("taking up what changed: {error}");
        }
    }
}

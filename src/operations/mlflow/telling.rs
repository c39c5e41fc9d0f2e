//! Telling MLflow what waits: by what follows a run, by the duty, by hand. Each try goes on where the one before it stopped.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use chrono::{TimeDelta, Utc};

use super::state::State;
use super::store::{self, Content, MODEL, Store, TrackedRun};
use super::told::Told;
use crate::common::errors::describe;
use crate::common::language::{either, t};
use crate::config::Config;
use crate::model::{self, MANIFEST};
use crate::operations::{Clock, Delivered, Outbox, Refusal, Stop, SystemClock};

/// How long a command may be held up by what it tells MLflow.
const HASTE: Duration = Duration::from_secs(5);

/// How long one request may take then.
const HASTY_REQUEST: Duration = Duration::from_secs(2);

/// How often the duty looks.
const LOOK: TimeDelta = TimeDelta::seconds(15);

/// The tag that says why a run lacks its model's files.
const LACKS_TAG: &str = "nearset.files_missing";

/// What waits to be told.
pub(super) fn outbox(config: &Config) -> Outbox {
    Outbox::of(config, "mlflow")
}

/// What ends a try before all is told.
struct Limit<'a> {
    until: Option<Instant>,
    stop: &'a Stop,
}

impl Limit<'_> {
    fn check(&self) -> Result<()> {
        if self.stop.is_told() || self.until.is_some_and(|until| Instant::now() >= until) {
            bail!(either("there was no time for all of it; it goes on later", "时间不够，稍后继续"));
        }
        Ok(())
    }
}

/// What follows a run: a few seconds are spent on telling MLflow; what is left is told later.
pub fn after_run(config: &Config) {
    if let Err(error) = hastily(config) {
        tracing::warn!("MLflow is told later: {error:#}");
    }
}

/// Tells MLflow that another version answers. Where it does not answer in a few seconds it is told later.
pub fn promoted(config: &Config) {
    after_run(config);
}

fn hastily(config: &Config) -> Result<()> {
    let mut hasty = config.clone();
    hasty.outgoing.timeout = hasty.outgoing.timeout.min(HASTY_REQUEST);
    let stop = Stop::default();
    let limit = Limit { until: Some(Instant::now() + HASTE), stop: &stop };
    let told = pass(&hasty, &SystemClock, &limit)?;
    if let Some(why) = told.why {
        tracing::warn!("MLflow is told later: {why}");
    }
    Ok(())
}

/// The duty: tells what waits until it is told to stop.
///
/// # Errors
/// The disk fails.
pub fn attend(config: &Config, clock: &dyn Clock, stop: &Stop) -> Result<()> {
    let limit = Limit { until: None, stop };
    while config.operations.mlflow.tracking.is_some() {
        if let Err(error) = pass(config, clock, &limit) {
            tracing::debug!("MLflow: {error:#}");
        }
        if clock.wait(clock.now() + LOOK, stop) {
            break;
        }
    }
    Ok(())
}

/// Tells all that waits now, and these versions, however long it takes.
///
/// # Errors
/// No MLflow is set, a version is not there, or something could not be told.
pub fn push(config: &Config, versions: &[String]) -> Result<Delivered> {
    if config.operations.mlflow.tracking.is_none() {
        bail!(either(
            "MLFLOW_TRACKING_URI is not set; write the address of the MLflow server or a folder there",
            "未设置 MLFLOW_TRACKING_URI；请填写 MLflow 服务的地址或目录"
        ));
    }
    let (clock, stop) = (SystemClock, Stop::default());
    for version in versions {
        let told = Told::of_version(config, version)?;
        // whoever asks for it may have removed it there
        outbox(config).put(&format!("version-{version}-{}", clock.now().timestamp_millis()), clock.now(), told)?;
    }
    outbox(config).hasten(clock.now())?;
    let told = pass(config, &clock, &Limit { until: None, stop: &stop })?;
    let left = outbox(config).waiting::<Told>()?.len();
    let others = (left > 0).then(|| either("another process is telling it now", "另一个进程正在上报").to_owned());
    if let Some(why) = told.why.or(others) {
        bail!(t!("MLflow was not told all, {left} wait: {why}", "未能全部上报 MLflow，{left} 项仍在等待：{why}"));
    }
    Ok(told.delivered)
}

/// What a pass did.
struct Pass {
    delivered: Delivered,
    /// Why not all is told.
    why: Option<String>,
}

/// Tells once what is due, then sees to the alias.
fn pass(config: &Config, clock: &dyn Clock, limit: &Limit<'_>) -> Result<Pass> {
    let Some(store) = store::open(config)? else { return Ok(Pass { delivered: Delivered::default(), why: None }) };
    let mut why = None;
    let mut deliver = || {
        outbox(config).deliver(clock, limit.stop, |item| {
            let told = limit.check().and_then(|()| tell(&*store, config, &item.body, limit));
            told.map_err(|error| {
                why = Some(describe(&error));
                Refusal::Later(error, None)
            })
        })
    };
    let mut delivered = deliver()?;
    let aligned = align(&*store, config, limit).and_then(|is_told_first| {
        if is_told_first {
            let more = deliver()?;
            delivered = Delivered { arrived: delivered.arrived + more.arrived, ..more };
            align(&*store, config, limit)?;
        }
        Ok(())
    });
    let why = why.or_else(|| aligned.err().map(|error| describe(&error)));
    Ok(Pass { delivered, why })
}

/// Tells all of one training.
fn tell(store: &dyn Store, config: &Config, told: &Told, limit: &Limit<'_>) -> Result<()> {
    if told.run.is_none() && store.registered(&told.version)?.is_some() {
        return Ok(());
    }
    let run = store.run(told)?;
    if !run.is_finished {
        store.note(&run, told)?;
        limit.check()?;
        let mut tags = BTreeMap::new();
        if let Some(why) = put_files(store, config, told, &run, limit)? {
            tags.insert(LACKS_TAG.to_owned(), why);
        }
        store.finish(&run, told, &tags)?;
    }
    limit.check()?;
    let version = told.version.as_str();
    let is_whole = store.refuses_files(&run).is_none() && store.files(&run, MODEL)?.contains_key(MANIFEST);
    if is_whole && store.registered(version)?.is_none() {
        store.register(version, &run)?;
    }
    model::name_run(&config.models_dir, version, &run.id, &run.artifact_uri)
}

/// Puts what small files there are and the model's, the manifest last; says why files are missing, where they are.
fn put_files(
    store: &dyn Store,
    config: &Config,
    told: &Told,
    run: &TrackedRun,
    limit: &Limit<'_>,
) -> Result<Option<String>> {
    if let Some(why) = store.refuses_files(run) {
        tracing::warn!("MLflow: {why}");
        return Ok(Some(why));
    }
    for (name, content) in &told.files {
        store.put(run, name, Content::Bytes(&serde_json::to_vec_pretty(content)?))?;
        limit.check()?;
    }
    let folder = config.models_dir.join(&told.version);
    let Ok(manifest) = model::read_manifest(&config.models_dir, &told.version) else {
        return Ok(Some(format!("version {} was removed before MLflow was told", told.version)));
    };
    let there = store.files(run, MODEL)?;
    for name in manifest.files.keys().map(String::as_str).chain([MANIFEST]) {
        let file = folder.join(name);
        let Ok(about) = file.metadata() else {
            return Ok(Some(format!("version {} was removed while MLflow was told", told.version)));
        };
        if there.get(name) != Some(&about.len()) {
            limit.check()?;
            store.put(run, &format!("{MODEL}/{name}"), Content::File(&file))?;
        }
    }
    Ok(None)
}

/// Has the alias be at the version that answers. True where that version has to be told first, and waits now.
fn align(store: &dyn Store, config: &Config, limit: &Limit<'_>) -> Result<bool> {
    let (Some(alias), Some(current)) = (&config.operations.mlflow.alias, model::current(&config.models_dir)) else {
        return Ok(false);
    };
    let mut state = State::read(config)?;
    if state.alias.as_deref() == Some(&current) {
        return Ok(false);
    }
    limit.check()?;
    match store.registered(&current)? {
        Some(found) => {
            store.set_alias(alias, found.number)?;
            model::name_run(&config.models_dir, &current, &found.run_id, &found.artifact_uri)?;
        }
        None if waits(config, &current)? => return Ok(false),
        None => {
            let told = Told::of_version(config, &current)?;
            // once for each MLflow: one that does not keep it is not told again and again
            if outbox(config).put(&format!("version-{current}-{}", state.short_target()), Utc::now(), told)? {
                return Ok(true);
            }
            tracing::warn!("MLflow's registry does not have version {current}: the alias {alias} stays where it is");
        }
    }
    state.alias = Some(current);
    state.write(config).map(|()| false)
}

/// Whether a version waits to be told.
fn waits(config: &Config, version: &str) -> Result<bool> {
    Ok(outbox(config).waiting::<Told>()?.iter().any(|item| item.body.version == version))
}

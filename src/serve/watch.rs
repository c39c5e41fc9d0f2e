//! New versions and rules: `models/current` is looked at every second, and a version that changed is loaded beside the one in
//! force and put in its place by one pointer; so are rules. Requests in flight finish on the old one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, anyhow};
use chrono::{NaiveDate, Utc};

use super::state::{Loaded, Shared};
use crate::evaluate;
use crate::model::{self, Model};
use crate::recommend::Policy;
use crate::recommend::rules::Rules;
use crate::warehouse;

const EVERY: Duration = Duration::from_secs(1);

/// Loads the current version and puts it in force; returns its name. On error the one in force stays.
pub fn load_current(state: &Shared) -> Result<String> {
    let model = Arc::new(model::load_current(&state.config.models_dir)?);
    let version = model.manifest.version.clone();
    put_in_force(state, model).with_context(|| format!("version {version} cannot answer"))?;
    tracing::info!("serving model {version}");
    if let Err(error) = read_data_quality(state) {
        tracing::debug!("data quality: {error:#}");
    }
    Ok(version)
}

/// Puts a model in force with the rules of the day, and no list made before.
fn put_in_force(state: &Shared, model: Arc<Model>) -> Result<()> {
    let policy = policy(state, &model);
    let loaded = Loaded::new(model, policy, state.config.cache_mb);
    super::lists::smoke(&loaded)?;
    state.loaded.store(Some(Arc::new(loaded)));
    Ok(())
}

/// What settings and rules ask of lists today.
fn policy(state: &Shared, model: &Model) -> Policy {
    Policy {
        variety: state.config.variety,
        per_provider: state.config.provider_limit,
        rules: state.rules.load().in_force(model, today(state)),
    }
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

/// When the file of rules was written, and the day that its rules were worked out for.
type RulesSeen = (Option<SystemTime>, NaiveDate);

fn rules_now(state: &Shared) -> RulesSeen {
    let written = std::fs::metadata(state.config.rules_path()).and_then(|m| m.modified()).ok();
    (written, today(state))
}

/// Takes up rules that changed, or whose day came or went; a broken file leaves those in force that were.
fn refresh_rules(state: &Shared, seen: &mut RulesSeen) {
    let now = rules_now(state);
    if now == *seen {
        return;
    }
    let read = if now.0 == seen.0 { Ok(()) } else { read_rules(state) };
    *seen = now;
    let taken_up = read.and_then(|()| match state.loaded.load_full() {
        Some(loaded) => put_in_force(state, loaded.model.clone()),
        None => Ok(()),
    });
    if let Err(error) = taken_up {
        tracing::error!("rules stay as they were: {error:#}");
        state.metrics.error("rules", "watch");
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

/// Watches for new versions until the server stops.
pub async fn watch(state: Shared) {
    let mut refused: Option<(String, Option<SystemTime>)> = None;
    let mut rules_seen = rules_now(&state);
    loop {
        tokio::time::sleep(EVERY).await;
        refresh_rules(&state, &mut rules_seen);
        let Some(current) = model::current(&state.config.models_dir) else { continue };
        let in_force = state.loaded.load().as_ref().map(|l| l.model.manifest.version.clone());
        let written =
            std::fs::metadata(state.config.models_dir.join("current/manifest.json")).and_then(|m| m.modified()).ok();
        let candidate = (current, written);
        if in_force.as_ref() == Some(&candidate.0) || refused.as_ref() == Some(&candidate) {
            continue;
        }
        let loading = state.clone();
        match tokio::task::spawn_blocking(move || load_current(&loading)).await {
            Ok(Ok(_)) => refused = None,
            Ok(Err(error)) => {
                tracing::error!("version {} was not taken up: {error:#}", candidate.0);
                state.metrics.error("model_load", "watch");
                refused = Some(candidate);
            }
            Err(error) => tracing::error!("loading a version: {error}"),
        }
    }
}

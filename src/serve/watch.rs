//! New versions: `models/current` is looked at every second, and a version that changed is loaded beside the one in
//! force and put in its place by one pointer. Requests in flight finish on the old one.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};

use super::state::{Loaded, Shared};
use crate::evaluate;
use crate::model;
use crate::warehouse;

const EVERY: Duration = Duration::from_secs(1);

/// Loads the current version and puts it in force; returns its name. On error the one in force stays.
pub fn load_current(state: &Shared) -> Result<String> {
    let loaded = model::load_current(&state.config.models_dir)?;
    let version = loaded.manifest.version.clone();
    let loaded = Loaded::new(loaded, state.config.cache_mb);
    super::lists::smoke(&loaded).with_context(|| format!("version {version} cannot answer"))?;
    state.loaded.store(Some(Arc::new(loaded)));
    tracing::info!("serving model {version}");
    if let Err(error) = read_data_quality(state) {
        tracing::debug!("data quality: {error:#}");
    }
    Ok(version)
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
    loop {
        tokio::time::sleep(EVERY).await;
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

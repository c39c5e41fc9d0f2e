//! What MLflow has not been told yet, and whether that is worth an alert.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::state::State;
use super::telling::outbox;
use super::told::Told;
use crate::common::language::{either, t};
use crate::config::{Config, Tracking};
use crate::model;
use crate::operations::{Alert, Severity};

/// How long something may wait.
const PATIENCE: TimeDelta = TimeDelta::days(1);

/// What MLflow knows and does not know.
#[derive(Debug, Serialize)]
pub struct Standing {
    /// Where it is; `None` where no setting names one.
    pub tracking: Option<String>,
    /// The experiment.
    pub experiment: String,
    /// What waits, the oldest first.
    pub waiting: Vec<Waiting>,
    /// The version that answers.
    pub current: Option<String>,
    /// The version that the alias was last moved to.
    pub alias: Option<String>,
}

/// Something that waits.
#[derive(Debug, Serialize)]
pub struct Waiting {
    /// The version.
    pub version: String,
    /// The run that trained it.
    pub run: Option<String>,
    /// Since when.
    pub since: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried next.
    pub next: DateTime<Utc>,
    /// Why the last try failed.
    pub error: Option<String>,
}

/// How MLflow stands.
///
/// # Errors
/// What is kept cannot be read.
pub fn standing(config: &Config) -> Result<Standing> {
    let settings = &config.operations.mlflow;
    let waiting = outbox(config).waiting::<Told>()?;
    let waiting = waiting.into_iter().map(|item| Waiting {
        version: item.body.version,
        run: item.body.run,
        since: item.at,
        attempts: item.attempts,
        next: item.due,
        error: item.error,
    });
    Ok(Standing {
        tracking: settings.tracking.as_ref().map(|tracking| match tracking {
            Tracking::Folder(path) => path.display().to_string(),
            Tracking::Server(url) => url.origin().ascii_serialization() + url.path().trim_end_matches('/'),
        }),
        experiment: settings.experiment.clone(),
        waiting: waiting.collect(),
        current: model::current(&config.models_dir),
        alias: State::read(config)?.alias,
    })
}

/// What waits for more than a day.
///
/// # Errors
/// What is kept cannot be read.
pub fn alerts(config: &Config, now: DateTime<Utc>) -> Result<Vec<Alert>> {
    if config.operations.mlflow.tracking.is_none() {
        return Ok(Vec::new());
    }
    let standing = standing(config)?;
    let late: Vec<&Waiting> = standing.waiting.iter().filter(|waiting| now - waiting.since > PATIENCE).collect();
    let Some(oldest) = late.first() else { return Ok(Vec::new()) };
    let error = oldest.error.as_deref().unwrap_or(either("nothing has tried to tell it", "还没有尝试上报"));
    Ok(vec![Alert {
        name: "MlflowBehind".to_owned(),
        subject: String::new(),
        severity: Severity::Warning,
        summary: t!(
            "MLflow has not been told of {} trainings for more than a day",
            "有 {} 次训练超过一天未能上报 MLflow",
            late.len()
        ),
        description: t!(
            "The oldest is version {}, since {}: {error}. `nearset mlflow status` shows all; `nearset mlflow push` tells them now.",
            "最早的是版本 {}，自 {} 起：{error}。`nearset mlflow status` 列出全部；`nearset mlflow push` 立即上报。",
            oldest.version,
            oldest.since.format("%Y-%m-%d %H:%M UTC"),
        ),
        labels: BTreeMap::new(),
    }])
}

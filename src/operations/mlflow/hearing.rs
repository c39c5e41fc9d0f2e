//! The observer that writes down what MLflow is to be told of a run: nothing is sent here.

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::telling::outbox;
use super::told::{RunTold, Told};
use crate::common::files;
use crate::config::Config;
use crate::pipeline::{Event, Observer};
use crate::warehouse::Outcome;

/// Hears of a run until it has ended.
pub struct Hearing {
    config: Config,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    started: DateTime<Utc>,
    version: Option<String>,
}

impl Hearing {
    /// Of the runs of these settings.
    pub fn of(config: &Config) -> Self {
        Self { config: config.clone(), heard: Mutex::default() }
    }

    /// Writes down what is to be told; it is on disk when this returns.
    fn write(&self, run: &RunTold<'_>, version: &str) -> Result<()> {
        let now = Utc::now();
        let told = Told::of_run(&self.config, run, version, now)?;
        outbox(&self.config).put(&format!("run-{}", run.id), now, told)?;
        Ok(())
    }
}

impl Observer for Hearing {
    fn hear(&self, run: &str, event: Event<'_>) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Started(_) => *heard = Heard { started: Utc::now(), version: None },
            Event::Published { version } => heard.version = version.map(str::to_owned),
            Event::Ended { outcome, .. } => {
                let version = match outcome {
                    Outcome::HeldBack => held_back(&self.config),
                    _ => heard.version.take(),
                };
                let Some(version) = version else { return };
                let told = RunTold { id: run, started: heard.started, outcome: outcome.name() };
                // a run does not fail for what others are told of it
                if let Err(error) = self.write(&told, &version) {
                    tracing::warn!("MLflow is not told of this run: {error:#}");
                }
            }
            _ => {}
        }
    }
}

/// The version that was held back: the summary that the run published names it.
fn held_back(config: &Config) -> Option<String> {
    #[derive(Deserialize)]
    struct Summary {
        model_version: Option<String>,
    }
    let text = files::read(&config.evaluation_dir().join("summary.json")).ok()??;
    serde_json::from_slice::<Summary>(&text).ok()?.model_version
}

//! What is told of one training: gathered when the run ends, since the next one replaces the warehouse that says it.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::figures::Figures;
use super::store::{RUN_TAG, VERSION_TAG};
use crate::config::Config;
use crate::model::{self, Manifest};

/// What is told of one training. Its model's files are read where they lie when it is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Told {
    /// The id of nearset's run; `None` for a version that is told without it.
    pub run: Option<String>,
    /// The version that it trained.
    pub version: String,
    /// When the run began.
    pub started: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// By MLflow's names.
    pub params: BTreeMap<String, String>,
    /// By MLflow's names.
    pub metrics: BTreeMap<String, f64>,
    /// By MLflow's names.
    pub tags: BTreeMap<String, String>,
    /// Small files beside the model's, by their names.
    pub files: BTreeMap<String, Value>,
}

/// A run of nearset's, as far as MLflow is told of it.
#[derive(Clone, Debug)]
pub struct RunTold<'a> {
    /// Its id.
    pub id: &'a str,
    /// When it began.
    pub started: DateTime<Utc>,
    /// What became of it.
    pub outcome: &'a str,
}

impl Told {
    /// What is to be told of a version that a run trained and published, or held back. What cannot be read is left out.
    ///
    /// # Errors
    /// There is no such version.
    pub fn of_run(config: &Config, run: &RunTold<'_>, version: &str, now: DateTime<Utc>) -> Result<Self> {
        let manifest = model::read_manifest(&config.models_dir, version)?;
        let mut figures = Figures::of_version(config, &manifest);
        figures.add_warehouse(config);
        let mut told = Self::new(&manifest, figures, run.started, now);
        told.run = Some(run.id.to_owned());
        told.tags.insert(RUN_TAG.to_owned(), run.id.to_owned());
        told.tags.insert("nearset.outcome".to_owned(), run.outcome.to_owned());
        Ok(told)
    }

    /// What is to be told of a version whose run is long past: what the version says of itself.
    ///
    /// # Errors
    /// There is no such version.
    pub fn of_version(config: &Config, version: &str) -> Result<Self> {
        let manifest = model::read_manifest(&config.models_dir, version)?;
        let at = manifest.trained_at;
        Ok(Self::new(&manifest, Figures::of_version(config, &manifest), at, at))
    }

    fn new(manifest: &Manifest, figures: Figures, started: DateTime<Utc>, ended: DateTime<Utc>) -> Self {
        let tags = [
            (VERSION_TAG, manifest.version.clone()),
            ("nearset.as_of", manifest.trained_at.to_rfc3339()),
            ("mlflow.source.name", "nearset".to_owned()),
            ("mlflow.source.type", "JOB".to_owned()),
            ("mlflow.runName", run_name(started)),
        ];
        let tags = tags.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let Figures { params, metrics, files } = figures;
        Self { run: None, version: manifest.version.clone(), started, ended, params, metrics, tags, files }
    }

    /// What the run is called in MLflow, as the old system called it.
    pub fn name(&self) -> String {
        run_name(self.started)
    }

    /// The tag that it is found by.
    pub fn found_by(&self) -> (&'static str, &str) {
        self.run.as_deref().map_or((VERSION_TAG, &self.version), |run| (RUN_TAG, run))
    }
}

fn run_name(started: DateTime<Utc>) -> String {
    format!("train_models_{}", started.format("%Y%m%dT%H%M%SZ"))
}

//! What is known of MLflow between two processes: `DATA_DIR/operations/mlflow.json`.

use std::path::PathBuf;

use anyhow::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::common::files;
use crate::config::{Config, Tracking};

/// What is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Which MLflow, experiment, model and alias the rest is of.
    target: String,
    /// The version whose promotion MLflow knows of.
    pub alias: Option<String>,
}

fn path(config: &Config) -> PathBuf {
    config.operations_dir().join("mlflow.json")
}

/// Without a password that may stand in the address.
fn target(config: &Config) -> String {
    let settings = &config.operations.mlflow;
    let place = match &settings.tracking {
        None => String::new(),
        Some(Tracking::Folder(path)) => path.display().to_string(),
        Some(Tracking::Server(url)) => url.origin().ascii_serialization() + url.path(),
    };
    let alias = settings.alias.as_deref().unwrap_or_default();
    let model = settings.model_name.as_deref().unwrap_or_default();
    [place.as_str(), settings.experiment.as_str(), model, alias].join("\n")
}

impl State {
    /// What is known of the MLflow of these settings; a file that cannot be understood is as good as none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(config: &Config) -> Result<Self> {
        let state: Option<Self> = files::read(&path(config))?.and_then(|text| serde_json::from_slice(&text).ok());
        let target = target(config);
        Ok(state.filter(|state| state.target == target).unwrap_or(Self { target, alias: None }))
    }

    /// A short name of the MLflow that it is of.
    pub fn short_target(&self) -> String {
        hex::encode(&Sha256::digest(self.target.as_bytes())[..4])
    }

    /// Remembers it.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn write(&self, config: &Config) -> Result<()> {
        files::write(&path(config), &serde_json::to_vec_pretty(self)?)
    }
}

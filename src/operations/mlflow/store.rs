//! What is asked of an MLflow, whether it is a server or a folder.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use super::folder::Folder;
use super::server::Server;
use super::told::Told;
use crate::config::{Config, Tracking};

/// The tag that a run is found by, so that it is told once: the id of nearset's run.
pub const RUN_TAG: &str = "nearset.run_id";

/// The tag of runs and of registered versions: nearset's version.
pub const VERSION_TAG: &str = "nearset.version";

/// The folder of a run's files that holds the model's.
pub const MODEL: &str = "model";

/// A run in MLflow.
#[derive(Clone, Debug)]
pub struct TrackedRun {
    /// Its id there.
    pub id: String,
    /// Where its files are.
    pub artifact_uri: String,
    /// Whether all of it was told before.
    pub is_finished: bool,
}

/// What becomes one of a run's files.
#[derive(Clone, Copy)]
pub enum Content<'a> {
    /// A file.
    File(&'a Path),
    /// A text.
    Bytes(&'a [u8]),
}

/// An MLflow. Whatever is asked of it may be asked again: what is there is found, and nothing is there twice.
pub trait Store {
    /// The run by its tags, or a new one that has begun.
    fn run(&self, told: &Told) -> Result<TrackedRun>;

    /// Notes parameters, figures and tags.
    fn note(&self, run: &TrackedRun, told: &Told) -> Result<()>;

    /// Why files cannot be put there, where they cannot.
    fn refuses_files(&self, run: &TrackedRun) -> Option<String>;

    /// The sizes of the files in a folder of a run, by their names.
    fn files(&self, run: &TrackedRun, folder: &str) -> Result<BTreeMap<String, u64>>;

    /// Puts a file there.
    fn put(&self, run: &TrackedRun, path: &str, content: Content<'_>) -> Result<()>;

    /// Ends the run; `tags` are what became of its files.
    fn finish(&self, run: &TrackedRun, told: &Told, tags: &BTreeMap<String, String>) -> Result<()>;

    /// The registry's number of one of nearset's versions, and the run that it comes from.
    fn registered(&self, version: &str) -> Result<Option<Registered>>;

    /// Registers a version, whose files are a run's.
    fn register(&self, version: &str, run: &TrackedRun) -> Result<()>;

    /// Has the alias be at a number.
    fn set_alias(&self, alias: &str, number: u64) -> Result<()>;
}

/// A version in MLflow's registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its number.
    pub number: u64,
    /// The run that it comes from.
    pub run_id: String,
    /// Where that run's files are.
    pub artifact_uri: String,
}

impl Registered {
    /// Of a version whose files are in the folder [`MODEL`] of its run's.
    pub fn new(number: u64, run_id: &str, source: &str) -> Self {
        let artifact_uri = source.strip_suffix(MODEL).map_or(source, |uri| uri.trim_end_matches('/')).to_owned();
        Self { number, run_id: run_id.to_owned(), artifact_uri }
    }
}

/// Names in MLflow.
#[derive(Clone, Debug)]
pub struct Names {
    /// The experiment.
    pub experiment: String,
    /// The registered model.
    pub model: String,
}

impl Names {
    /// Those of the settings. What may stand in an experiment's name and not in a model's is an underscore there.
    pub fn of(config: &Config) -> Self {
        let settings = &config.operations.mlflow;
        let plain = |name: &String| name.replace(['/', ':', '\'', '"', '`'], "_");
        let model = settings.model_name.clone().unwrap_or_else(|| plain(&settings.experiment));
        Self { experiment: settings.experiment.clone(), model }
    }
}

/// The MLflow that the settings name; `None` where they name none.
///
/// # Errors
/// The proxy cannot be used.
pub fn open(config: &Config) -> Result<Option<Box<dyn Store>>> {
    Ok(match &config.operations.mlflow.tracking {
        None => None,
        Some(Tracking::Server(url)) => Some(Box::new(Server::of(config, url)?)),
        Some(Tracking::Folder(path)) => Some(Box::new(Folder::of(config, path)?)),
    })
}

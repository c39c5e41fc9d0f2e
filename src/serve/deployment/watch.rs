//! What is on disk and decides what answers: noticed and taken up when it changes.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::NaiveDate;

use super::Deployments;
use crate::model;

/// What decides what answers, from outside: where two differ, something is to be taken up.
#[derive(Clone, Debug, PartialEq)]
pub struct DiskState {
    current: Option<String>,
    traffic: Written,
    rules: Written,
    experiments: (PathBuf, Written),
    /// Rules begin and end with days.
    day: NaiveDate,
}

/// When a file was written and how long it is, so that two changes within a second are told apart.
pub type Written = Option<(SystemTime, u64)>;

/// Looks at a file; `None` where there is none.
pub fn written(path: &Path) -> Written {
    std::fs::metadata(path).and_then(|about| Ok((about.modified()?, about.len()))).ok()
}

impl Deployments {
    /// Looks at all of it.
    pub fn disk_state(&self) -> DiskState {
        let config = &self.config;
        let experiments = config.experiments_path();
        DiskState {
            current: model::current(&config.models_dir),
            traffic: written(&model::traffic_path(&config.models_dir)),
            rules: written(&config.rules_path()),
            experiments: (experiments.clone(), written(&experiments)),
            day: self.today(),
        }
    }

    /// Takes up what changed since `before`.
    pub fn take_up(&self, before: &DiskState, now: &DiskState) {
        let failed = |what: &str, error: anyhow::Error| {
            tracing::error!("{what} stay as they were: {error:#}");
            self.metrics.error(what, "watch");
        };
        if now.rules != before.rules
            && let Err(error) = self.read_rules()
        {
            failed("rules", error);
        }
        if now.experiments != before.experiments
            && let Err(error) = self.read_experiments()
        {
            failed("experiments", error);
        }
        let answering = self.peek().as_ref().map(|deployment| deployment.current.name().to_owned());
        match answering {
            Some(answering) => self.take_up_versions(&answering, now.current.as_deref()),
            None if now.current.is_some() => self.start(),
            None => {}
        }
    }

    /// Deploys the current version where another one answers, and else the one that answers with what changed beside it.
    fn take_up_versions(&self, answering: &str, current: Option<&str>) {
        if let Some(version) = current.filter(|version| *version != answering || self.is_refused(version)) {
            match self.deploy_current() {
                Ok(_) => return,
                Err(error) => tracing::error!("version {version} was not taken up, {answering} answers: {error:#}"),
            }
            self.metrics.error("model_load", "watch");
        }
        if let Err(error) = self.redeploy(answering) {
            tracing::error!("version {answering} stays as it was: {error:#}");
            self.metrics.error("model_load", "watch");
        }
    }
}

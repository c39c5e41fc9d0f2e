//! All parts of operations by what they do: who hears of a run, what follows its end, what a process attends to, what may be
//! wrong. A new part adds itself here and nowhere else.

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::alert::Alert;
use super::duties::Duty;
use super::naming::Naming;
use super::run_log::RunLog;
use super::traces::RunTraces;
use super::{experiments, mlflow, notify, release, retention, schedule, watch};
use crate::config::Config;
use crate::pipeline::Observer;

/// Whoever hears of a run besides its history and the terminal.
pub fn observers(config: &Config) -> Vec<Box<dyn Observer>> {
    let mut all: Vec<Box<dyn Observer>> = vec![Box::new(Naming), Box::new(RunLog::of(config))];
    match RunTraces::of(config) {
        Ok(traces) => all.extend(traces.map(|traces| Box::new(traces) as Box<dyn Observer>)),
        Err(error) => tracing::warn!("this run is not traced: {error:#}"),
    }
    if config.operations.mlflow.tracking.is_some() {
        all.push(Box::new(mlflow::Hearing::of(config)));
    }
    all
}

/// What follows a run that has ended, well or not: each part takes a few seconds at most, and what fails is logged.
pub fn after_run(config: &Config) {
    release::after_run(config);
    retention::after_run(config);
    mlflow::after_run(config);
    // what the others found is told
    watch::after_run(config);
}

/// What `nearset schedule` and `nearset serve --schedule` attend to.
pub fn duties(_config: &Config) -> Vec<Duty> {
    vec![
        Duty { name: "schedule", attend: schedule::attend },
        Duty { name: "mlflow", attend: mlflow::attend },
        release::duty(),
        retention::duty(),
        watch::duty(),
        notify::delivery_duty(),
        notify::gateway_duty(),
    ]
}

/// Looks for what is wrong in one place.
pub type Look = fn(&Config, DateTime<Utc>) -> Result<Vec<Alert>>;

/// All places that are looked at.
pub const LOOKS: &[Look] = &[
    watch::run_alerts,
    watch::figure_alerts,
    watch::disk_alerts,
    watch::server_alerts,
    schedule::alerts,
    mlflow::alerts,
    release::alerts,
    experiments::alerts,
];

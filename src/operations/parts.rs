//! All parts of operations by what they do: who hears of a run, what follows its end, what a process attends to, what may be
//! wrong. A new part adds itself here and nowhere else.

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::alert::Alert;
use super::duties::Duty;
use super::{notify, watch};
use crate::config::Config;
use crate::pipeline::Observer;

/// Whoever hears of a run besides its history and the terminal.
pub fn observers(_config: &Config) -> Vec<Box<dyn Observer>> {
    Vec::new()
}

/// What follows a run that has ended, well or not: each part takes a few seconds at most, and what fails is logged.
pub fn after_run(config: &Config) {
    watch::after_run(config);
}

/// What `nearset schedule` and `nearset serve --schedule` attend to.
pub fn duties(_config: &Config) -> Vec<Duty> {
    vec![watch::duty(), notify::delivery_duty(), notify::gateway_duty()]
}

/// Looks for what is wrong in one place.
pub type Look = fn(&Config, DateTime<Utc>) -> Result<Vec<Alert>>;

/// All places that are looked at.
pub const LOOKS: &[Look] = &[watch::run_alerts, watch::figure_alerts, watch::disk_alerts, watch::server_alerts];

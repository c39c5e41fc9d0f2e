//! How long things are kept: what has grown older than the settings say goes, after a run and now and then. Nothing goes that
//! nearset did not write, that a run has not taken in yet, or that a version in use needs.

mod holdings;

use std::fs;
use std::time::SystemTime;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};

pub use holdings::{Holding, holdings};

use super::clock::{Clock, Stop};
use super::duties::Duty;
use super::run_log;
use crate::common::language::t;
use crate::config::Config;

/// How often the duty looks.
const EVERY: TimeDelta = TimeDelta::hours(6);

/// Removes what is kept no longer; returns what there was of each kind and what went of it.
///
/// # Errors
/// It is not known what there is, or a file cannot be removed; the others have gone.
pub fn sweep(config: &Config, now: DateTime<Utc>) -> Result<Vec<Holding>> {
    let all = holdings(config, SystemTime::from(now))?;
    let mut fault = None;
    for holding in &all {
        let mut gone = 0;
        for path in &holding.goes {
            let removed = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    fault = Some(Err(error).with_context(|| t!("{} cannot be removed", "{} 无法删除", path.display())));
                }
                _ => gone += 1,
            }
        }
        if gone > 0 {
            tracing::info!("{}: {gone} removed, {} bytes: kept no longer", holding.kind, holding.goes_bytes);
        }
    }
    run_log::sweep(config, now)?;
    fault.unwrap_or(Ok(all))
}

/// What follows a run.
pub(super) fn after_run(config: &Config) {
    if let Err(error) = sweep(config, Utc::now()) {
        tracing::warn!("what is kept no longer could not be removed: {error:#}");
    }
}

/// Sweeps now and then.
pub(super) fn duty() -> Duty {
    Duty { name: "retention", attend }
}

fn attend(config: &Config, clock: &dyn Clock, stop: &Stop) -> Result<()> {
    loop {
        // a run removes versions by itself, where it promotes one
        let swept = sweep(config, clock.now()).and_then(|_| holdings::prune_versions(config));
        if let Err(error) = swept {
            tracing::warn!("what is kept no longer could not be removed: {error:#}");
        }
        if clock.wait(clock.now() + EVERY, stop) {
            return Ok(());
        }
    }
}

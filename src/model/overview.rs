//! All versions at a glance, for people who look after them.

use std::path::Path;

use anyhow::{Error, Result};

use super::Manifest;
use super::codec::{load, verify};
use super::registry::{current, list};
use super::traffic::{Traffic, traffic};

/// The versions on disk, which of them answer, and which are damaged.
#[derive(Default)]
pub struct Overview {
    /// The current version.
    pub current: Option<String>,
    /// Those whose files are what their manifests say, oldest first.
    pub whole: Vec<Manifest>,
    /// The others by name, and what is wrong with each.
    pub damaged: Vec<(String, Error)>,
    /// What else than the current version answers; nothing, where that cannot be read.
    pub traffic: Traffic,
    /// Why it cannot be read.
    pub traffic_error: Option<Error>,
}

/// Looks at every version and checks its files.
///
/// # Errors
/// The folder cannot be read.
pub fn overview(models_dir: &Path) -> Result<Overview> {
    let versions = list(models_dir)?;
    let mut all = Overview { current: current(models_dir), damaged: versions.damaged, ..Overview::default() };
    match traffic(models_dir) {
        Ok(traffic) => all.traffic = traffic,
        Err(error) => all.traffic_error = Some(error),
    }
    for manifest in versions.whole {
        match verify(models_dir, &manifest.version) {
            Ok(_) => all.whole.push(manifest),
            Err(error) => all.damaged.push((manifest.version, error)),
        }
    }
    Ok(all)
}

/// The names of the versions that can be loaded, oldest first; `left_out` is told of the others.
///
/// # Errors
/// The folder cannot be read.
pub fn loadable(models_dir: &Path, left_out: &dyn Fn(&str, &Error)) -> Result<Vec<String>> {
    let versions = list(models_dir)?;
    let mut whole = Vec::new();
    for manifest in versions.whole {
        match load(models_dir, &manifest.version) {
            Ok(_) => whole.push(manifest.version),
            Err(error) => left_out(&manifest.version, &error),
        }
    }
    versions.damaged.iter().for_each(|(version, error)| left_out(version, error));
    Ok(whole)
}

//! What else than the current version answers: a canary and a shadow, in `MODELS_DIR/traffic.json`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::common::files;
use crate::common::language::t;

const TRAFFIC: &str = "traffic.json";

/// What else than the current version answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// Answers its share of the visitors.
    pub canary: Option<Share>,
    /// Makes lists for its share of the requests, which are logged and not shown.
    pub shadow: Option<Share>,
}

/// A version and its share of the traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// The version's name.
    pub version: String,
    /// From 0 to 1.
    pub share: f64,
    /// It is being released: until that is decided, runs keep what they train and promote nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_release: bool,
}

impl Share {
    /// A version's share, of no release.
    pub fn of(version: String, share: f64) -> Self {
        Self { version, share, is_release: false }
    }
}

/// What a version is that answers beside the current one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beside {
    /// Its lists are shown.
    Canary,
    /// Its lists are only logged.
    Shadow,
}

/// Where [`Traffic`] is kept.
pub fn traffic_path(models_dir: &Path) -> PathBuf {
    models_dir.join(TRAFFIC)
}

/// Reads what else than the current version answers; nothing, where no file says so.
///
/// # Errors
/// There is a file, and it cannot be read.
pub fn traffic(models_dir: &Path) -> Result<Traffic> {
    let path = traffic_path(models_dir);
    let cannot = || {
        t!(
            "{} cannot be read; without it the current version answers all",
            "{} 无法读取；没有它则由当前版本应答全部",
            path.display()
        )
    };
    match files::read(&path).with_context(cannot)? {
        Some(text) => serde_json::from_slice(&text).with_context(cannot),
        None => Ok(Traffic::default()),
    }
}

/// Writes what else than the current version answers; servers notice within a second.
pub(super) fn write(models_dir: &Path, traffic: &Traffic) -> Result<()> {
    files::write(&traffic_path(models_dir), &serde_json::to_vec_pretty(traffic)?)
}

/// A version that becomes current answers beside itself no more, as canary or shadow. What cannot be read is left as it is: it
/// stops nobody from going back.
pub(super) fn end_beside(models_dir: &Path, version: &str) -> Result<()> {
    match traffic(models_dir) {
        Ok(Traffic { canary, shadow }) => {
            let is_this = |share: &Share| share.version == version;
            let is_beside = [&canary, &shadow].into_iter().flatten().any(is_this);
            let others = |share: Option<Share>| share.filter(|share| !is_this(share));
            if is_beside {
                write(models_dir, &Traffic { canary: others(canary), shadow: others(shadow) })
            } else {
                Ok(())
            }
        }
        Err(error) => {
            tracing::warn!("{error:#}");
            Ok(())
        }
    }
}

//! Where a release stands: `DATA_DIR/operations/release.json`, the one under way or the last there was.

use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::judge::{Arm, Interval, Verdict};
use crate::common::files;
use crate::common::language::t;
use crate::config::Config;

/// How many looks are kept.
const LOOKS: usize = 200;

/// What becomes of a version whose time is over and that is neither clearly better nor clearly worse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Undecided {
    /// It becomes current, as a run would have had it
    #[default]
    Promote,
    /// The current version stays
    Keep,
}

/// How far a release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The version is about to get its share.
    Beginning,
    /// It answers its share.
    Canary,
    /// It is about to become current.
    Promoting,
    /// Its share is about to be taken away.
    GoingBack,
    /// The same, since somebody wants it.
    Ending,
    /// It became current.
    Promoted,
    /// The current version stayed.
    WentBack,
    /// Somebody ended it.
    Ended,
}

impl Stage {
    /// Whether there is more to do.
    pub fn is_under_way(self) -> bool {
        matches!(self, Self::Beginning | Self::Canary | Self::Promoting | Self::GoingBack | Self::Ending)
    }
}

/// What was seen at one time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Look {
    /// The moment that the warehouse stood for.
    pub as_of: DateTime<Utc>,
    /// The new version's visitors.
    pub new: Arm,
    /// The current version's.
    pub current: Arm,
    /// The difference of their click rates.
    pub interval: Option<Interval>,
    /// What it says.
    pub verdict: Verdict,
}

/// A release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    /// The new version.
    pub version: String,
    /// The one that was current when it began.
    pub current: String,
    /// Which share of the visitors the new one answers.
    pub share: f64,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// For how many minutes it answers at least, unless it is clearly worse.
    pub minutes: i64,
    /// How many exposures both must have before anything is said.
    pub least_exposures: u64,
    /// What becomes of it where nothing is clear.
    pub undecided: Undecided,
    /// How far it is.
    pub stage: Stage,
    /// Why it ended as it did.
    pub why: Option<String>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What was seen, the newest last.
    pub looks: Vec<Look>,
}

impl Release {
    /// When its time is over.
    pub fn until(&self) -> DateTime<Utc> {
        self.began_at + TimeDelta::minutes(self.minutes)
    }

    /// Keeps what was seen.
    pub(super) fn keep(&mut self, look: Look) {
        self.looks.push(look);
        let surplus = self.looks.len().saturating_sub(LOOKS);
        self.looks.drain(..surplus);
    }
}

fn path(config: &Config) -> PathBuf {
    config.operations_dir().join("release.json")
}

/// The release under way, or the last; `None` where there never was one.
///
/// # Errors
/// The file cannot be read, or makes no sense.
pub fn read(config: &Config) -> Result<Option<Release>> {
    let path = path(config);
    let Some(text) = files::read(&path)? else { return Ok(None) };
    serde_json::from_slice(&text).map(Some).with_context(|| {
        t!(
            "{} makes no sense; remove it once `nearset models canary off` has ended what it speaks of",
            "{} 内容有误；请先用 `nearset models canary off` 结束所涉版本，再删除该文件",
            path.display()
        )
    })
}

pub(super) fn write(config: &Config, release: &Release) -> Result<()> {
    files::write(&path(config), &serde_json::to_vec_pretty(release)?)
}

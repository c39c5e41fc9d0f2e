//! The history of runs: `_metadata/runs.jsonl`, an event a line, so that a run which was killed is still known of. A run
//! writes it; servers read the end of it and tell it as metrics.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::is_run_lock_held;
use crate::common::language::t;
use crate::config::Config;

/// How much of the history's end a summary is made of: some two hundred runs.
const SUMMARIZED: u64 = 1 << 18;

/// One line of the history.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum RunLine {
    /// A run has the lock and begins.
    Started {
        /// The run's id.
        run: String,
        /// When.
        at: DateTime<Utc>,
        /// What stands for now.
        as_of: DateTime<Utc>,
        /// The steps asked for.
        steps: Vec<String>,
    },
    /// A step has ended.
    Step {
        /// The run's id.
        run: String,
        /// The step's name.
        step: String,
        /// When.
        at: DateTime<Utc>,
        /// How long it took.
        seconds: f64,
        /// Rows that it took in or made.
        rows: u64,
        /// Why it failed.
        error: Option<String>,
    },
    /// A run has ended.
    Ended {
        /// The run's id.
        run: String,
        /// When.
        at: DateTime<Utc>,
        /// How long it took.
        seconds: f64,
        /// The most memory that it held.
        peak_bytes: u64,
        /// Why it failed.
        error: Option<String>,
        /// What became of it; lines of before do not say.
        #[serde(default)]
        outcome: Option<Outcome>,
    },
}

impl RunLine {
    /// The run that it is of.
    pub fn run(&self) -> &str {
        match self {
            Self::Started { run, .. } | Self::Step { run, .. } | Self::Ended { run, .. } => run,
        }
    }
}

/// What became of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All of it was published.
    Done,
    /// Its figures were published, its model was not promoted.
    HeldBack,
    /// A check failed, and nothing was published.
    Refused,
    /// The warehouse was published, and not all that goes with it.
    Incomplete,
    /// Nothing was published.
    Failed,
    /// Somebody stopped it, and nothing was published.
    Cancelled,
    /// It ended without a word.
    Killed,
    /// It goes on.
    Running,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Done,
        Self::HeldBack,
        Self::Refused,
        Self::Incomplete,
        Self::Failed,
        Self::Cancelled,
        Self::Killed,
        Self::Running,
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::HeldBack => "held_back",
            Self::Refused => "refused",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Killed => "killed",
            Self::Running => "running",
        }
    }

    /// Whether its figures are there.
    pub fn is_published(self) -> bool {
        matches!(self, Self::Done | Self::HeldBack | Self::Incomplete)
    }
}

/// Where the history is.
pub fn run_history_path(config: &Config) -> PathBuf {
    config.metadata_dir().join("runs.jsonl")
}

/// How runs were lately.
#[derive(Debug)]
pub struct RunSummary {
    /// Of the last run.
    pub outcome: Outcome,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// The last that came to its end.
    pub ended: Option<Ended>,
    /// The last that published its figures.
    pub published: Option<Published>,
    /// Each step when it was last done.
    pub steps: BTreeMap<String, Done>,
}

/// The end of a run.
#[derive(Debug)]
pub struct Ended {
    /// When.
    pub at: DateTime<Utc>,
    /// How long it took.
    pub seconds: f64,
    /// The most memory that it held.
    pub peak_bytes: u64,
}

/// A run that published.
#[derive(Debug)]
pub struct Published {
    /// When it ended.
    pub at: DateTime<Utc>,
    /// The moment that it stands for.
    pub as_of: DateTime<Utc>,
}

/// A step that was done.
#[derive(Debug)]
pub struct Done {
    /// How long it took.
    pub seconds: f64,
    /// Rows that it took in or made.
    pub rows: u64,
}

impl RunSummary {
    /// How the runs in DATA_DIR were lately; `None` where there was none.
    ///
    /// # Errors
    /// The history is there and cannot be read.
    pub fn read(config: &Config) -> Result<Option<Self>> {
        let path = run_history_path(config);
        if !path.exists() {
            return Ok(None);
        }
        let cannot = || t!("{} cannot be read", "{} 无法读取", path.display());
        let mut file = File::open(&path).with_context(cannot)?;
        let length = fs::metadata(&path).with_context(cannot)?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(SUMMARIZED))).with_context(cannot)?;
        let mut bytes = Vec::new();
        file.take(SUMMARIZED).read_to_end(&mut bytes).with_context(cannot)?;
        Ok(Self::of(&String::from_utf8_lossy(&bytes), || is_run_lock_held(config)))
    }

    /// What lines tell, the oldest first; one that is cut is passed over. A run that has not ended goes on where its lock is
    /// held.
    pub fn of(text: &str, is_lock_held: impl FnOnce() -> bool) -> Option<Self> {
        let mut summary: Option<Self> = None;
        let mut moment = None;
        let mut steps = BTreeMap::new();
        for line in text.lines().filter_map(|line| serde_json::from_str(line.trim()).ok()) {
            match line {
                RunLine::Started { at, as_of, .. } => {
                    let before = summary.take();
                    moment = Some(as_of);
                    let (ended, published) = before.map_or((None, None), |before| (before.ended, before.published));
                    let (outcome, steps) = (Outcome::Running, BTreeMap::new());
                    summary = Some(Self { outcome, started_at: at, ended, published, steps });
                }
                RunLine::Step { step, seconds, rows, error: None, .. } => {
                    steps.insert(step, Done { seconds, rows });
                }
                RunLine::Step { .. } => {}
                RunLine::Ended { at, seconds, peak_bytes, error, outcome, .. } => {
                    let Some(summary) = &mut summary else { continue };
                    let failed = if error.is_some() { Outcome::Failed } else { Outcome::Done };
                    summary.outcome = outcome.unwrap_or(failed);
                    summary.ended = Some(Ended { at, seconds, peak_bytes });
                    if let Some(as_of) = moment.filter(|_| summary.outcome.is_published()) {
                        summary.published = Some(Published { at, as_of });
                    }
                }
            }
        }
        let mut summary = summary?;
        if summary.outcome == Outcome::Running && !is_lock_held() {
            summary.outcome = Outcome::Killed;
        }
        Some(Self { steps, ..summary })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(run: &str, day: u32, ended: Option<&str>) -> String {
        let started = format!(
            r#"{{"event":"started","run":"{run}","at":"2026-10-{day}T00:00:00Z","as_of":"2026-10-{day}T00:00:00Z","steps":[]}}"#
        );
        let step = |step: &str, error: &str| {
            format!(
                r#"{{"event":"step","run":"{run}","step":"{step}","at":"2026-10-{day}T00:00:01Z","seconds":{day},"rows":{day},"error":{error}}}"#
            )
        };
        let steps =
            format!("{}\n{}", step("extract", "null"), step("train", if day > 15 { r#""broke""# } else { "null" }));
        let ended = ended.map(|rest| {
            format!(r#"{{"event":"ended","run":"{run}","at":"2026-10-{day}T01:00:00Z","seconds":3600.0,"peak_bytes":9,{rest}}}"#)
        });
        format!("{started}\n{steps}\n{}\n", ended.unwrap_or_default())
    }

    fn summary(text: &str, is_lock_held: bool) -> RunSummary {
        RunSummary::of(text, || is_lock_held).expect("a run")
    }

    #[test]
    fn the_last_run_is_told_whatever_became_of_it_and_beside_it_the_last_that_published() {
        assert!(RunSummary::of("", || true).is_none());
        let done = lines("1", 14, Some(r#""error":null"#));
        let refused = lines("2", 16, Some(r#""error":"a check","outcome":"refused""#));
        let one = summary(&format!("{{\"event\":\"ended\",\"ru\n{done}{refused}"), false);
        assert_eq!(one.outcome, Outcome::Refused);
        let day = |at: DateTime<Utc>| at.format("%d %H").to_string();
        assert_eq!((day(one.started_at), one.ended.map(|ended| day(ended.at))), ("16 00".into(), Some("16 01".into())));
        assert_eq!(one.published.map(|p| (day(p.at), day(p.as_of))), Some(("14 01".into(), "14 00".into())));
        assert_eq!((one.steps["extract"].rows, one.steps["train"].rows), (16, 14), "a step that failed is not done");
        let under_way = format!("{done}{}", lines("3", 17, None));
        assert_eq!([true, false].map(|held| summary(&under_way, held).outcome), [Outcome::Running, Outcome::Killed]);
        let held_back = lines("4", 15, Some(r#""error":"worse","outcome":"held_back""#));
        assert_eq!(summary(&held_back, false).published.map(|p| day(p.at)), Some("15 01".into()));
        assert_eq!(summary(&lines("5", 15, Some(r#""error":"x""#)), false).outcome, Outcome::Failed);
    }
}

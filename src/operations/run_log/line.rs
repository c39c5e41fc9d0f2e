//! A line of a run's log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::warehouse::Outcome;

/// What a line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It is another try of a run that failed.
    Retries,
    /// A step begins.
    StepStarted,
    /// What the step was at.
    At,
    /// What a person should know.
    Note,
    /// What the program logged meanwhile.
    Log,
    /// A step has ended.
    StepFinished,
    /// What was made is published.
    Published,
    /// The run has ended.
    Ended,
}

/// A line; fields that its kind has no use for are left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Line {
    /// When.
    pub at: DateTime<Utc>,
    /// How much it matters: error, warn, info, debug or trace.
    pub level: String,
    /// What it tells.
    pub event: Kind,
    /// In words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// How long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// Rows that were taken in or made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The model version that became current.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// What became of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
}

impl Line {
    /// One of now.
    pub fn now(event: Kind, text: &str) -> Self {
        Self {
            at: Utc::now(),
            level: "info".to_owned(),
            event,
            text: text.to_owned(),
            seconds: None,
            rows: None,
            error: None,
            version: None,
            outcome: None,
        }
    }

    /// The same at the level that its error, or its lack of one, gives it.
    #[must_use]
    pub fn with_error(self, error: Option<&str>) -> Self {
        let level = if error.is_some() { "error".to_owned() } else { self.level };
        Self { level, error: error.map(str::to_owned), ..self }
    }
}

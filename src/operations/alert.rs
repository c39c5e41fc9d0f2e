//! What is wrong, as whoever looks finds it: each alert holds at some moment or does not; that it began and that it ended is
//! found by comparing two looks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How much it matters; the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Somebody should look at it in the next days.
    Warning,
    /// Somebody must act now.
    Critical,
}

impl Severity {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    /// That of a name, as nearset, Prometheus' rules and Sentry write it; a name that none of them has is a warning.
    pub fn named(name: &str) -> Self {
        match name.to_ascii_lowercase().as_str() {
            "info" | "none" | "debug" | "notice" => Self::Info,
            "critical" | "fatal" | "page" | "emergency" | "disaster" => Self::Critical,
            _ => Self::Warning,
        }
    }
}

/// Something that is wrong now. Name and subject are its identity: while they stay the same it is the same alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its kind, as `RunFailed`.
    pub name: String,
    /// What of that kind: a job, a table, a version; empty where there is only one.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in a line.
    pub summary: String,
    /// What is known of it, and what to do.
    pub description: String,
    /// What else is told with it, as `table`, `endpoint`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

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

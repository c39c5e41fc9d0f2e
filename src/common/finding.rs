//! What was found out about something that a run needs.

use serde::Serialize;

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Verdict {
    /// All is as it should be.
    #[serde(rename = "ok")]
    Fine,
    /// A run works, perhaps not as is meant.
    #[serde(rename = "look")]
    Odd,
    /// A run or a server fails.
    #[serde(rename = "mend")]
    Broken,
}

/// Something found out.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// How good it is.
    pub verdict: Verdict,
    /// What it is about, in a word or two.
    pub what: String,
    /// What was found, and how to mend what is wrong.
    pub text: String,
}

impl Finding {
    /// A finding.
    pub fn new(verdict: Verdict, what: &str, text: String) -> Self {
        Self { verdict, what: what.to_owned(), text }
    }
}

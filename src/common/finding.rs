//! What was found out about something that a run needs.

/// How good a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All is as it should be.
    Fine,
    /// A run works, perhaps not as is meant.
    Odd,
    /// A run fails.
    Broken,
}

/// Something found out.
#[derive(Clone, Debug)]
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

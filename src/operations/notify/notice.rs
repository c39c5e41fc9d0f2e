//! What somebody is told: that something is wrong, or no longer, whoever found it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::common::language::Language;
use crate::operations::Severity;

/// What is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is wrong.
    Firing,
    /// It is worse than it was.
    Worse,
    /// It is no longer wrong.
    Resolved,
    /// Nothing is wrong: somebody tries whether messages arrive.
    Test,
}

impl State {
    /// Its name in ids and messages of programs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Worse => "worse",
            Self::Resolved => "resolved",
            Self::Test => "test",
        }
    }
}

/// Who found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// nearset itself.
    Nearset,
    /// A rule of Prometheus, told by Alertmanager.
    Alertmanager,
    /// Sentry.
    Sentry,
}

impl Source {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Nearset, Self::Alertmanager, Self::Sentry];

    /// Its name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nearset => "nearset",
            Self::Alertmanager => "alertmanager",
            Self::Sentry => "sentry",
        }
    }
}

/// Words of one language.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    /// What is wrong, in a line.
    pub summary: String,
    /// What is known of it, and what to do.
    pub description: String,
}

/// One thing to be told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What is wrong and since when, as one word: all that is told of it has the same.
    pub episode: String,
    /// What is said of it.
    pub state: State,
    /// Who found it.
    pub source: Source,
    /// Whom the finder wants told; empty where it does not say.
    pub wanted: String,
    /// Its kind, as `RunFailed`.
    pub name: String,
    /// What of that kind.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// What else is known, as `table`, `instance`.
    pub labels: BTreeMap<String, String>,
    /// When it began.
    pub since: DateTime<Utc>,
    /// When it became what `state` says.
    pub at: DateTime<Utc>,
    /// In English, or in whatever language the finder has.
    pub words: Words,
    /// In Chinese, where the finder speaks it.
    pub chinese: Option<Words>,
}

impl Notice {
    /// Its id: the same is told once.
    pub fn id(&self) -> String {
        match self.state {
            State::Worse => format!("{}-worse-{}", self.episode, self.severity.name()),
            state => format!("{}-{}", self.episode, state.name()),
        }
    }

    /// Its words in a language.
    pub fn words(&self, language: Language) -> &Words {
        match (language, &self.chinese) {
            (Language::Chinese, Some(words)) => words,
            _ => &self.words,
        }
    }
}

/// One word for several, the same for the same.
pub fn episode(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..12])
}

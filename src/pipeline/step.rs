//! The steps, and what a run is asked to do.

use chrono::{DateTime, Utc};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A step of the pipeline, in the order they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Takes in what is new at the sources.
    Extract,
    /// Builds what the SQL project makes of it, up to what training reads.
    Features,
    /// Trains a model version.
    Train,
    /// Replays held-out visits and works out the figures of lists.
    Evaluate,
    /// Sets the figures beside the orders, and writes reports.
    Reconcile,
}

impl Step {
    /// All steps in their order.
    pub const ALL: [Self; 5] = [Self::Extract, Self::Features, Self::Train, Self::Evaluate, Self::Reconcile];

    /// Its name on the command line and in the history.
    pub fn name(self) -> &'static str {
        match self {
            Self::Extract => "extract",
            Self::Features => "features",
            Self::Train => "train",
            Self::Evaluate => "evaluate",
            Self::Reconcile => "reconcile",
        }
    }

    /// One step alone, or one and all after it, or all.
    pub fn chosen(only: Option<Self>, from: Option<Self>) -> Vec<Self> {
        match (only, from) {
            (Some(step), _) => vec![step],
            (None, Some(first)) => Self::ALL.into_iter().filter(|step| *step >= first).collect(),
            (None, None) => Self::ALL.to_vec(),
        }
    }
}

/// What the history calls a run that takes in nothing and trains nothing.
const BUILD: &str = "build";

/// What a run is asked to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Options {
    /// Read all sources again.
    pub full_refresh: bool,
    /// What is run, in this order.
    pub steps: Vec<Step>,
    /// Stands for now, so that runs repeat exactly.
    pub as_of: DateTime<Utc>,
    /// It may be before the moment that the published warehouse stands for.
    pub may_be_past: bool,
    /// What is trained is kept and does not become current: it is to be tried beside the current version first.
    pub keeps_current: bool,
}

impl Options {
    /// The names of the steps; what only builds relations has none, and is named itself.
    pub fn step_names(&self) -> Vec<String> {
        if self.steps.is_empty() {
            return vec![BUILD.to_owned()];
        }
        self.steps.iter().map(|step| step.name().to_owned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_chosen_alone_from_one_on_or_all() {
        assert_eq!(Step::chosen(Some(Step::Train), None), [Step::Train]);
        assert_eq!(Step::chosen(None, Some(Step::Evaluate)), [Step::Evaluate, Step::Reconcile]);
        assert_eq!(Step::chosen(None, None), Step::ALL);
    }
}

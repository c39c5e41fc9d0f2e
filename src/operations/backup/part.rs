//! The parts that a backup is made of, each of which can be brought back alone.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A part of a backup, in the order in which a moment is held fast: the log last, so that it holds all that the warehouse has
/// taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The warehouse, with the history of runs
    Warehouse,
    /// The model versions that answer, or all of them
    Models,
    /// Reports and the Parquet copies
    Reports,
    /// What is scheduled, what is wrong, logs of runs
    Operations,
    /// Settings, rules, experiments, contracts, sql/ and views/ of your own
    Settings,
    /// The exposure log
    Logs,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Warehouse, Self::Models, Self::Reports, Self::Operations, Self::Settings, Self::Logs];
}

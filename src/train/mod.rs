//! From the warehouse to a model: what visitors did comes from SQL, what texts say from the embedding; both become each
//! dataset's candidates, and a ranker learns from held-out visits which of them is chosen.
//!
//! The same data give the same model, on a slow machine as on a fast one and on any number of threads: no search stops by the
//! clock, and no sum depends on the order in which threads end.

mod catalogue;
mod data;
mod embeddings;
mod examples;
mod fusion;
mod neighbours;
mod newcomers;
mod probes;
mod rankers;
mod similarity;
mod steps;
mod training;
mod vector_cache;
mod window;

pub use catalogue::Catalogue;
pub use data::{Belief, beliefs};
pub use newcomers::newcomers;
pub use rankers::Choice;
pub use steps::{Pair, holdout_from, read_pairs};
pub use training::Training;
pub use window::{TrainingWindow, require_no_leak};

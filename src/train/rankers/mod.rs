//! Which ranker: several are learned, each is measured on visits that none has seen, the best is kept.
//!
//! How many are tried is bounded by work, not by the clock: every trial has a cost that is worked out from the number of
//! examples, in seconds of one core, and none is begun that would pass the budget. So a slow machine and a fast one train the
//! same version from the same data.

mod boosted;
mod choice;
mod neural;
mod search;
mod shape;

pub use choice::Choice;
pub(super) use search::learn;

//! The pipeline: extract, features, train, evaluate, reconcile, on a work copy that is published whole or not at all.
//!
//! What happens in a run is told to a list of observers, which whoever starts the run gives: `history.rs` and `terminal.rs`
//! hold two of them. The pipeline itself writes no history and prints nothing.

mod build;
mod clock;
mod dry_run;
mod experiments;
mod fixtures;
mod history;
mod kept;
mod observer;
mod publish;
mod run;
mod state;
mod step;
mod steps;
mod terminal;
mod versions;

pub use build::{Selection, build};
pub use clock::now;
pub use dry_run::dry_run;
pub use fixtures::demo;
pub use history::{History, PastRun, past_runs, shown_state};
pub use kept::goes_on_at;
pub use observer::{Event, Observer};
pub use publish::recover;
pub use run::{retry, run};
pub use step::{Options, Step};
pub use terminal::Terminal;

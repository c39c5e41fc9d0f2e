//! The log of each run: `DATA_DIR/operations/runs/{run}/`, where `run.json` says what was asked for and by whom, and
//! `{step}.jsonl` what happened, a line each. `prepare` is what comes before the first step, `publish` what follows the last.
//!
//! Whoever runs nearset, by hand, by its schedule or by Airflow, finds here what a step said. A log that cannot be written
//! costs no run.

mod cancel;
mod folder;
mod line;
mod look;
mod record;
mod tap;
mod writer;

pub use cancel::{Cancelled, cancel};
pub use folder::{lines_of, run_dir, steps_of, sweep};
pub use line::{Kind, Line};
pub use look::{Look, Step, all, find, look};
pub use record::{Asked, Record, StartedBy};
pub use tap::RunLines;
pub use writer::RunLog;

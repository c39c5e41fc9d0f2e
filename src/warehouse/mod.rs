//! The warehouse: one DuckDB file that readers open at any time and a run replaces in one step.
//!
//! DuckDB lets one process write or many read. So a run works on a copy, closes it and renames it over the published
//! file; readers keep the file they opened, and a run that fails or is killed leaves only a work file, which the next
//! run removes.

pub mod arrow;
mod connections;
mod errors;
mod limit;
mod literals;
mod memory;
mod parameters;
mod plain_json;
mod publishing;
mod refused;
mod rows;
mod run_history;
mod run_lock;
mod sandbox;
mod schedule_state;
mod written;

pub use connections::{Database, glance, glance_at, in_memory, open_outside_sandbox, open_published, small};
pub use errors::{Fault, byte_of, caret, line_of, locate_errors, located, message, short_error};
pub use limit::within;
pub use literals::{ident, quote, timestamp};
pub use memory::{Turn, share_memory};
pub use parameters::{create_parameters_table, keep_parameters, published_as_of, set_parameters};
pub use plain_json::plain_json;
pub use publishing::{PUBLISHING, WorkCopy, has_room_for_a_run, remove_work, work_path};
pub use refused::refused;
pub use rows::{WHOLE_ROW, rows};
pub use run_history::{Outcome, RunLine, RunSummary, run_history_path};
pub use run_lock::{RunLock, is_run_lock_held, remove_left_work, run_lock_holder, take_run_lock};
pub use sandbox::{lock, sandbox};
pub use schedule_state::{JobEnd, JobFailure, JobOutcome, JobState, ScheduleState, Wait, Work, slot_stamp};
pub use written::{Written, write_own};

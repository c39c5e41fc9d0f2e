//! The schedule: what runs when (`schedule.toml`), and that it does. `scheduler` decides, `children` are the processes in
//! which jobs run, `attempt` is one of them; `standing` says how all stand.

mod attempt;
mod children;
mod duty;
mod file;
mod job;
mod rhythm;
mod scheduler;
#[cfg(test)]
mod simulation;
mod standing;

pub use attempt::{MarkEnd, attempt};
pub use children::log_path;
pub use duty::{attend, require_free};
pub use file::{place, read};
pub use job::{CatchUp, Job};
pub use standing::{JobStanding, Standing, alerts, has_stopped, standing};

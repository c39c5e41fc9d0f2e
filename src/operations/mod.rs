//! What keeps nearset going on one machine without a second program: what is due is run, what is wrong is told, what was
//! learned is kept.
//!
//! Observers of the pipeline and readers of what it publishes; the pipeline names none of them. `duties` is what one process
//! does of it beside its own work.

mod alert;
pub mod backup;
mod clock;
mod duties;
pub mod experiments;
pub mod mlflow;
mod naming;
pub mod notify;
mod outbox;
mod outgoing;
mod parts;
mod program;
pub mod release;
pub mod retention;
pub mod run_log;
pub mod schedule;
mod traces;
pub mod upgrade;
mod versions;
pub mod watch;

pub use alert::{Alert, Severity};
#[cfg(test)]
pub use clock::MovedClock;
pub use clock::{Clock, Stop, SystemClock};
pub use duties::{Duties, Duty};
pub use outbox::{Delivered, Item, Outbox, Refusal};
pub use outgoing::{Answer, Outgoing};
pub use parts::{LOOKS, Look, after_run, duties, observers};
pub use program::begin;
pub use traces::Traces;
pub use versions::Change;

//! What keeps nearset going on one machine without a second program: what is due is run, what is wrong is told, what was
//! learned is kept.
//!
//! Observers of the pipeline and readers of what it publishes; the pipeline names none of them. `duties` is what one process
//! does of it beside its own work.

mod alert;
mod clock;
mod duties;
pub mod notify;
mod outbox;
mod outgoing;
mod parts;
pub mod watch;

pub use alert::{Alert, Severity};
pub use clock::{Clock, Stop, SystemClock};
pub use duties::{Duties, Duty};
pub use outbox::{Delivered, Item, Outbox, Refusal};
pub use outgoing::{Answer, Outgoing};
pub use parts::{LOOKS, Look, after_run, duties, observers};

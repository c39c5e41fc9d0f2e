//! What is wrong, told when it begins and when it ends: all places are looked at again and again, and what was found is
//! compared with what was told before.

mod disk;
mod figures;
mod looking;
mod memory;
mod runs;
mod server;

pub use looking::{Firing, after_run, duty, firing, look};
pub use memory::EVENTS;

pub use disk::alerts as disk_alerts;
pub use figures::alerts as figure_alerts;
pub use runs::alerts as run_alerts;
pub use server::alerts as server_alerts;

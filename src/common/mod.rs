//! What every room stands on: files, folders of one process, locks, secrets, errors, what is printed, what is said of
//! long work.

pub mod errors;
pub mod files;
pub mod finding;
pub mod ids;
pub mod lock;
pub mod memory;
pub mod priority;
pub mod progress;
pub mod random;
pub mod scratch;
pub mod secrets;
pub mod terminal;

//! What every room stands on: files, folders of one process, locks, secrets, errors, what is printed and in which language, what is said of
//! long work.

pub mod about;
pub mod device;
pub mod errors;
pub mod files;
pub mod finding;
pub mod ids;
pub mod language;
pub mod likeness;
pub mod lock;
pub mod log_line;
pub mod memory;
pub mod patience;
pub mod priority;
pub mod progress;
pub mod random;
pub mod scratch;
pub mod secrets;
pub mod terminal;
pub mod traces;

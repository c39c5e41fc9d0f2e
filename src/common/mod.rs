//! What every room stands on: files, folders of one process, locks, secrets.

pub mod files;
pub mod lock;
pub mod memory;
pub mod scratch;
pub mod secrets;

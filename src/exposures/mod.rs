//! The exposure log: which files it is made of, and how it is written. One server writes one file; several servers on
//! one DATA_DIR write one each. What is read back of them is in `intake.rs`.

pub mod files;
mod intake;
mod writer;

pub use intake::{create_tables, take_in};
pub use writer::{ExposureLog, Options};

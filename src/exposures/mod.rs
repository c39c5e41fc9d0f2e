//! The exposure log: which files it is made of, and how it is written. One server writes one file; several servers on
//! one DATA_DIR write one each. What is read back of them is in [`crate::extract::exposures`].

pub mod files;
mod writer;

pub use writer::{ExposureLog, Options};

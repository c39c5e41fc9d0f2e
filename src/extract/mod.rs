//! From the sources to the `raw` schema: every row as it came, one row per key, all values as text.
//!
//! Files are taken in one after the other, each merged into what is there, so that increments leave the same rows as a
//! full refresh over all files does; databases are read from where the last run stopped.

mod columns;
pub mod contracts;
pub mod data_quality;
mod database;
#[cfg(test)]
mod fixtures;
mod foreseen;
mod intake;
mod json;
mod merge;
pub mod metrics_file;
mod names;
mod schema;
pub mod sites;
mod sources;
mod tables;
pub mod user_names;
mod watermarks;

pub use foreseen::Foreseen;
pub use schema::{create_quality_tables, create_replay_tables, raw_tables};
pub use sources::{SOURCES, extract, inspect, preview};
pub use watermarks::state;

//! JSON exports: full ones and increments, each taken in once.

mod contents;
mod encoding;
mod exports;
mod faults;
mod file;
mod lenient;
mod listing;
mod rows;

pub use exports::{folder, inspect, preview, similar, take_in};

//! JSON exports: full ones and increments, each taken in once.

mod exports;
mod file;
mod listing;

pub use exports::{folder, inspect, preview, take_in};

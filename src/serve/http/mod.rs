//! HTTP: connections and their limits, how parameters are read, how errors are said.

pub mod connections;
pub mod error;
pub mod overload;
pub mod params;
mod slots;

pub use error::{ApiError, ErrorBody};

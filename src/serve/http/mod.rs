//! HTTP: connections and their limits, how parameters are read, how errors are said.

pub mod connections;
pub mod error;
pub mod overload;
pub mod params;
mod purpose;
mod refusals;
mod slots;

pub use error::{ApiError, ErrorBody};
pub use purpose::Purpose;

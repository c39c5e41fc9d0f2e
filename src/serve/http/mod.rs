//! HTTP: connections and their limits, how parameters are read, how errors are said.

pub mod access;
pub mod agent;
mod client;
pub mod connections;
pub mod error;
pub mod overload;
pub mod params;
mod purpose;
mod refusals;
pub mod request_id;
pub mod result;
pub mod sessions;
mod slots;
pub mod watching;

pub use agent::Agent;
pub use client::Client;
pub use error::{ApiError, ErrorBody};
pub use purpose::Purpose;

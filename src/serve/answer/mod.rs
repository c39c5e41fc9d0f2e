//! One request for a list from its arrival to its answer: read and checked, assigned to a version, found in the cache or
//! computed, explored, logged, rendered.

mod answering;
mod compute;
mod envelope;
mod outcome;
mod params;
mod query;
mod request;
mod shadow;

pub use envelope::{DetailAnswer, PersonAnswer, SimilarAnswer, TrendingAnswer};
pub use outcome::DegradeReason;
pub use params::{DetailParams, ListHeaders, PersonParams, SimilarParams, TrendingParams};
pub use request::ListRequest;

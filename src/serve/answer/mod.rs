//! One request for a list from its arrival to its answer: read and checked, assigned to a version, found in the cache or
//! computed, explored, logged, rendered.

mod answering;
mod compute;
mod envelope;
mod outcome;
mod request;
mod shadow;

pub use envelope::{DetailAnswer, SimilarAnswer, TrendingAnswer};
pub use request::{DetailParams, ListRequest, SimilarParams, TrendingParams};

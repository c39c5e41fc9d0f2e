//! From a request to a list: candidates of every channel, their features, the learned order, diversity, the rules that have
//! the last word, a reason for each.
//!
//! No I/O and no waiting: everything is in the model.

pub mod channels;
mod diversity;
pub mod exploration;
mod features;
mod pool;
mod ranking;
mod reasons;
mod request;
pub mod rules;
mod smoke;
mod sums;

pub use channels::popular::trending;
pub use channels::taste::taste;
pub use pool::{Pool, Recalled, gather};
pub use ranking::{Recommended, arrange, prior, recommend, score};
pub use reasons::{Reason, Words};
pub use request::{Effort, Policy, Request};
pub use smoke::smoke;

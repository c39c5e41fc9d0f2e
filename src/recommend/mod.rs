//! From a request to a list: candidates of every channel, their features, the learned order, diversity, the rules that have
//! the last word, a reason for each.
//!
//! No I/O and no waiting: everything is in the model.

mod audience;
pub mod channels;
mod diversity;
mod explain;
pub mod exploration;
mod features;
mod grounds;
mod person;
mod pool;
mod ranking;
mod reasons;
mod request;
pub mod rules;
mod smoke;
mod sums;

pub use audience::{Audience, Audiences};
pub use channels::popular::trending;
pub use channels::taste::taste;
pub use explain::{Explained, Explanation, Said, Standing, explain};
pub use grounds::{Channels, Code, Grounds};
pub use person::for_person;
pub use pool::{Pool, Recalled, gather};
pub use ranking::{Recommended, arrange, prior, recommend, score};
pub use reasons::{Reason, Words};
pub use request::{Effort, Policy, Request};
pub use smoke::smoke;

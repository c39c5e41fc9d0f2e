//! The routes, a file a group.

mod docs;
mod health;
mod lists;
mod metrics;
mod models;
mod openapi;
mod reports;
mod router;
mod search;
mod sql;
mod views;

pub use router::{Pages, route_of, router};
pub use search::found;
pub use views::Seen;

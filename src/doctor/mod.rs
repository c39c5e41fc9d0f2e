//! `nearset doctor`: what is in order, what is not, and how to mend it. Nothing is made or changed by looking.

mod compare;
mod deployed;
mod examine;
mod folders;
mod kept;
mod models;
mod notifications;
mod pictures;
mod queries;
mod schedule;
mod server;
mod tracking;
mod versions;
mod warehouse;

pub use compare::{Comparison, Difference, compare};
pub use deployed::examine_server;
pub use examine::examine;
pub use server::{Serving, serving};

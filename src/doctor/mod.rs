//! `nearset doctor`: what is in order, what is not, and how to mend it. Nothing is made or changed by looking.

mod compare;
mod examine;
mod folders;
mod models;
mod notifications;
mod pictures;
mod server;
mod tracking;
mod versions;
mod warehouse;

pub use compare::{Comparison, Difference, compare};
pub use examine::examine;
pub use server::{Serving, serving};

//! `nearset doctor`: what is in order, what is not, and how to mend it.

mod examine;
mod folders;
mod models;

pub use examine::examine;

//! Releases: a new version answers a share of the visitors for a time; what they click decides whether it becomes current.
//!
//! `judge` is the rule, `state` where a release stands, `steps` what is done: begun by a person, gone on with after each run, by a
//! duty, or by `nearset release continue`.

mod judge;
mod state;
mod steps;
mod watch;

pub use judge::{Arm, Interval, Sums, Verdict};
pub use state::{Look, Release, Stage, Undecided, read};
pub use steps::{Plan, abort, begin, go_on, promote_now};
pub(super) use watch::{after_run, alerts, duty};

//! Which versions answer, and what is asked of their lists: the current version, canary and shadow, the operator's rules and
//! experiments. What changes on disk is read beside what answers and put in its place by one pointer; what cannot be read
//! leaves the old where it is. Requests in flight finish on the old one.

mod assignment;
mod deployments;
mod experiments;
mod experiments_edit;
mod experiments_file;
mod loaded_version;
mod loader;
mod old_weights;
mod variant;
mod watch;

pub use assignment::{Assignment, Deployment, TrafficShare};
pub use deployments::{Deployments, read_rules};
pub use experiments::{Arm, Experiment, Experiments, Metric, State, rounded};
pub use experiments_edit::{Change, change};
pub use loaded_version::LoadedVersion;
pub use variant::{HELD_OUT, Variant};
pub use watch::{DiskState, Written, written};

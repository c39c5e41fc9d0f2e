//! What MLflow is told of training: a run with its parameters, figures and files, its version in the registry, and the alias
//! of the version that answers.
//!
//! A run only writes down what is to be told ([`Hearing`]); whoever has time tells it: what follows a run, for a few seconds,
//! the duty, `nearset mlflow push`. What is to be told stands in the outbox; which version the alias should be at follows
//! from `MODELS_DIR/current` whenever it is looked at, so that no promotion can be forgotten.

mod figures;
mod folder;
mod hearing;
mod server;
mod standing;
mod state;
mod store;
mod telling;
mod told;

pub use hearing::Hearing;
pub use standing::{Standing, alerts, standing};
pub use telling::{after_run, attend, promoted, push};

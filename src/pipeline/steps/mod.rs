//! The steps, one file each, and what every run ends with.

mod evaluate;
mod extract;
mod features;
mod finish;
mod reconcile;
mod train;

use anyhow::Result;

use super::state::Run;
use super::step::Step;
pub use evaluate::write_figures;
pub use finish::finish;
pub use reconcile::write_reports;

/// Runs one step; returns the rows it took in or made.
pub fn run(run: &mut Run<'_>, step: Step) -> Result<u64> {
    if step != Step::Extract {
        run.sandbox()?;
    }
    match step {
        Step::Extract => extract::extract(run),
        Step::Features => features::features(run),
        Step::Train => train::train(run),
        Step::Evaluate => evaluate::evaluate(run),
        Step::Reconcile => reconcile::reconcile(run),
    }
}

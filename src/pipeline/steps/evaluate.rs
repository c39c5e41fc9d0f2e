//! The step that replays the held-out visits, and lets SQL do the arithmetic.

use anyhow::Result;

use super::train::train_holdout;
use crate::common::language::either;
use crate::evaluate;
use crate::pipeline::state::Run;
use crate::sql_project::Room;

/// Returns the rows of the relations it built.
pub fn evaluate(run: &mut Run<'_>) -> Result<u64> {
    train_holdout(run)?;
    let (config, policy) = (run.config, evaluate::policy(run.config));
    run.observers.at(either("replay", "回放"));
    match run.holdout.take() {
        None => evaluate::forget(run.db)?,
        Some(holdout) => {
            run.with_training(|training| {
                evaluate::replay_held_out(training, &holdout.model, holdout.from, &policy)?;
                evaluate::replay_current(training, &config.models_dir, &holdout.model, holdout.from, &policy)
            })?;
        }
    }
    // what lists earned is worked out again, and with it what stands on it, where the run stands for another moment
    let rows = run.build(&[Room::Attribution, Room::Evaluate])?;
    write_figures(run)?;
    Ok(rows)
}

/// Writes the files of figures that are made of relations.
pub fn write_figures(run: &mut Run<'_>) -> Result<()> {
    let config = run.config;
    let exposures = evaluate::exposure_metrics(run.db)?;
    let place = config.evaluation_dir().join("exposure_metrics.json");
    run.outbox.write(place, &serde_json::to_vec_pretty(&exposures)?)?;
    for (place, bytes) in evaluate::quality_report(run.db, config, run.options.as_of)? {
        run.outbox.write(place, &bytes)?;
    }
    let datasets = evaluate::dataset_metrics_csv(run.db)?;
    run.outbox.write(config.evaluation_dir().join("dataset_metrics.csv"), datasets.as_bytes())
}

//! The step that trains: without the held-out visits to choose the ranker's kind, then on everything.

use anyhow::{Context, Result};

use crate::common::language::either;
use crate::pipeline::state::{HoldoutModel, Run};
use crate::train::holdout_from;

/// Returns the number of datasets in the model.
pub fn train(run: &mut Run<'_>) -> Result<u64> {
    train_holdout(run)?;
    let choice = run.holdout.as_ref().and_then(|holdout| holdout.choice.clone());
    let (model, _) = run.with_training(|training| training.fit(None, choice.as_ref()))?;
    let items = model.parts.items.len() as u64;
    run.trained = Some(model);
    Ok(items)
}

/// Trains without the held-out visits, where that was not done yet, and where there are any.
pub fn train_holdout(run: &mut Run<'_>) -> Result<()> {
    if run.holdout.is_none()
        && let Some(from) = holdout_from(run.db)?
    {
        let (model, choice) = run
            .with_training(|training| training.fit(Some(from), None))
            .context(either("training without the held-out visits", "不用留出访问的训练"))?;
        if let Some(choice) = &choice {
            run.observers.note(&choice.headline());
        }
        run.holdout = Some(HoldoutModel { from, model, choice });
    }
    Ok(())
}

//! The step that takes in what is new at the sources.

use anyhow::Result;

use crate::extract::{self, metrics_file};
use crate::pipeline::state::Run;

/// Returns the rows taken in.
pub fn extract(run: &mut Run<'_>) -> Result<u64> {
    let options = run.options;
    let before = metrics_file::stored_rows(run.db)?;
    let rows = run.observers.with_progress(|progress| {
        extract::extract(run.db, run.config, options.as_of, options.full_refresh, progress)
    })?;
    let state = extract::state(run.db)?;
    run.outbox.write(run.config.metadata_dir().join("extract_state.json"), &state)?;
    let metrics = metrics_file::metrics(run.db, &before, options.as_of, options.full_refresh)?;
    run.outbox.write(run.config.evaluation_dir().join("extract_metrics.json"), &metrics)?;
    Ok(rows)
}

//! The step that takes in what is new at the sources.

use anyhow::Result;

use crate::extract;
use crate::pipeline::state::Run;

/// Returns the rows taken in.
pub fn extract(run: &mut Run<'_>) -> Result<u64> {
    let options = run.options;
    let rows = run.observers.with_progress(|progress| {
        extract::extract(run.db, run.config, options.as_of, options.full_refresh, progress)
    })?;
    let state = extract::state(run.db)?;
    run.outbox.write(run.config.metadata_dir().join("extract_state.json"), &state)?;
    Ok(rows)
}

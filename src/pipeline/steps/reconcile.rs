//! The step that compares Matomo's orders with the business's, and writes the reports.

use anyhow::Result;

use crate::evaluate::reports;
use crate::pipeline::state::Run;
use crate::sql_project::Room;

/// Returns the rows of the relations it built.
pub fn reconcile(run: &mut Run<'_>) -> Result<u64> {
    // the reports also say how the lists did
    let rows = run.build(&[Room::Evaluate, Room::Reconcile])?;
    write_reports(run)?;
    Ok(rows)
}

/// Writes the reports.
pub fn write_reports(run: &mut Run<'_>) -> Result<()> {
    for (place, bytes) in reports::after_run(run.db, run.config, run.options.as_of)? {
        run.outbox.write(place, &bytes)?;
    }
    Ok(())
}

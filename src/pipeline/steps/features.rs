//! The step that makes features of rows.

use anyhow::Result;

use crate::pipeline::state::Run;
use crate::sql_project::Room;

/// Returns the rows of the relations it built.
pub fn features(run: &mut Run<'_>) -> Result<u64> {
    run.build(&[Room::Staging, Room::Clean, Room::Features])
}

//! The step that makes features of rows.

use anyhow::Result;

use crate::pipeline::state::Run;
use crate::sql_project::Room;

/// The rooms whose relations it makes.
const ROOMS: [Room; 5] = [Room::Staging, Room::Clean, Room::Attribution, Room::Marts, Room::Training];

/// Returns the rows of the relations it built.
pub fn features(run: &mut Run<'_>) -> Result<u64> {
    run.build(&ROOMS)
}

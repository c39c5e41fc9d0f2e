//! The step that makes features of rows.

use anyhow::Result;

use crate::common::errors::Failure;
use crate::extract::data_quality::set_aside;
use crate::extract::user_names;
use crate::pipeline::state::Run;
use crate::sql_project::Room;

/// The rooms that read values.
const READING: [Room; 2] = [Room::Staging, Room::Clean];

/// The rooms whose relations it makes.
const ROOMS: [Room; 5] = [Room::Staging, Room::Clean, Room::Attribution, Room::Marts, Room::Training];

/// Returns the rows of the relations it built.
///
/// # Errors
/// A column that is needed cannot be read in most rows of its table; a relation cannot be built.
pub fn features(run: &mut Run<'_>) -> Result<u64> {
    let rows = run.build(&READING)?;
    if let Some(note) = user_names::missing(run.db, run.config)? {
        run.observers.note(&note);
    }
    let tables = set_aside(run.db)?;
    for note in tables.iter().filter_map(|table| table.note()) {
        run.observers.note(&note);
    }
    match tables.iter().find_map(|table| table.unreadable()) {
        Some(unreadable) => Err(Failure::Gate(unreadable).into()),
        None => Ok(rows + run.build(&ROOMS)?),
    }
}

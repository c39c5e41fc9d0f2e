//! The project's macros for tests: what extraction reads values with.

use anyhow::Result;
use duckdb::Connection;

use super::raw_tables;
use crate::sql_project::Project;

/// Makes them in a database.
pub fn create_macros(db: &Connection) -> Result<()> {
    Project::load(None, &raw_tables()?)?.create_macros(db)
}

//! The project's macros for tests: what extraction reads values with.

use std::path::Path;

use anyhow::Result;
use duckdb::Connection;

use super::raw_tables;
use crate::sql_project::Project;

/// Makes them in a database.
pub fn create_macros(db: &Connection) -> Result<()> {
    Project::load(Path::new(env!("CARGO_MANIFEST_DIR")), &raw_tables()?)?.create_macros(db)
}

//! What the project's files say now, where that is not what was published.

use std::path::PathBuf;

use anyhow::Result;
use duckdb::Connection;

use crate::config::Config;

/// A relation that is shown as its file has it now.
#[derive(Clone, Debug)]
pub struct Change {
    /// The relation's.
    pub name: String,
    /// As shown to people.
    pub file: PathBuf,
}

/// Makes temporary relations of changed files, which go before the published ones.
///
/// # Errors
/// A changed file is wrong.
pub fn see_changes(_config: &Config, _db: &Connection) -> Result<Vec<Change>> {
    Ok(Vec::new())
}

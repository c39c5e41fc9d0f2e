//! What SQL of other people's may reach: the warehouse, and nothing else.

use std::path::PathBuf;

use anyhow::{Context, Result};
use duckdb::Connection;

use super::literals::quote;
use crate::common::language::either;

/// Takes the file system (but for some folders, and all that is in them) and the network away from a connection, for
/// good: what is in an analyst's file, or in a query, reads the warehouse and nothing else.
///
/// # Errors
/// DuckDB does not take it; then nothing may be run on it.
pub fn sandbox(db: &Connection, folders: &[PathBuf]) -> Result<()> {
    let folders: Vec<String> = folders.iter().map(|folder| quote(&folder.to_string_lossy())).collect();
    db.execute_batch(&format!(
        "set allowed_directories = [{}]; set enable_external_access = false;",
        folders.join(", ")
    ))
    .context(either("the connection could not be put into its sandbox", "连接未能放入沙箱"))
}

/// Nothing can be set on the connection any more, not even by a query.
///
/// # Errors
/// DuckDB does not take it; then nothing may be run on it.
pub fn lock(db: &Connection) -> Result<()> {
    db.execute_batch("set lock_configuration = true")
        .context(either("the connection could not be put into its sandbox", "连接未能放入沙箱"))
}

//! How good each source table was in the last run: a small file that a run publishes, so that servers tell it without
//! opening the warehouse.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use crate::common::files;

/// A source table as a run found it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableQuality {
    /// Its name.
    pub table: String,
    /// The share of its rows with nothing set aside, 0 to 1.
    pub score: f64,
    /// 1 where it was there with its columns, else 0.
    pub contract_status: i64,
}

/// Where it is published, below `DATA_DIR/_metadata`.
pub fn path(metadata_dir: &Path) -> PathBuf {
    metadata_dir.join("data_quality.json")
}

/// The file's content, from the relation `data_quality`.
///
/// # Errors
/// The relation cannot be read.
pub fn published(db: &Connection) -> Result<Vec<u8>> {
    let mut statement =
        db.prepare("select table_name, quality_score, contract_status from data_quality order by table_name")?;
    let tables = statement.query_map([], |row| {
        Ok(TableQuality { table: row.get(0)?, score: row.get(1)?, contract_status: row.get(2)? })
    })?;
    Ok(serde_json::to_vec_pretty(&tables.collect::<duckdb::Result<Vec<_>>>()?)?)
}

/// What the last run published; nothing where it was one that published no such file.
///
/// # Errors
/// The file cannot be read, or makes no sense.
pub fn read(metadata_dir: &Path) -> Result<Vec<TableQuality>> {
    let path = path(metadata_dir);
    match files::read(&path)? {
        Some(text) => serde_json::from_slice(&text).with_context(|| format!("{} makes no sense", path.display())),
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_published_is_read() -> Result<()> {
        let dir = tempfile::tempdir()?;
        assert_eq!(read(dir.path())?, []);
        let db = Connection::open_in_memory()?;
        db.execute_batch(
            "create table data_quality as
             from (values ('user', 0.5::double, 1), ('dataset', 1, 0)) as t (table_name, quality_score, contract_status)",
        )?;
        files::write(&path(dir.path()), &published(&db)?)?;
        let table =
            |table: &str, score, contract_status| TableQuality { table: table.to_owned(), score, contract_status };
        assert_eq!(read(dir.path())?, [table("dataset", 1.0, 0), table("user", 0.5, 1)]);
        files::write(&path(dir.path()), b"[{}]")?;
        assert!(read(dir.path()).is_err());
        Ok(())
    }
}

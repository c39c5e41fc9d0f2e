//! Which relations have a Parquet copy in `processed/`: what the last run wrote there and the next does not is removed by it,
//! and no file of anybody else's.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use duckdb::Connection;

use crate::common::language::either;
use crate::warehouse::quote;

/// The relations that the run before wrote, by name.
///
/// # Errors
/// The warehouse cannot be read.
pub fn exported(db: &Connection) -> Result<BTreeSet<String>> {
    db.execute_batch("create table if not exists raw.exported_files (name varchar)")?;
    let mut statement = db.prepare("select name from raw.exported_files")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<duckdb::Result<_>>()?)
}

/// Keeps which relations this run wrote.
///
/// # Errors
/// The warehouse cannot be written.
pub fn keep_exported(db: &Connection, names: &BTreeSet<String>) -> Result<()> {
    let mut statements = "create or replace table raw.exported_files (name varchar);".to_owned();
    for name in names {
        statements.push_str(&format!("insert into raw.exported_files values ({});", quote(name)));
    }
    db.execute_batch(&statements)
        .context(either("the list of Parquet files could not be kept", "Parquet 文件清单未能保存"))
}

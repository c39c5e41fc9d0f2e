//! Tables as Parquet files, by way of DuckDB.

use std::path::Path;

use anyhow::{Context, Result};
use duckdb::Connection;
use duckdb::arrow::datatypes::DataType;
use duckdb::arrow::record_batch::RecordBatch;

use crate::common::language::t;
use crate::warehouse::{self, quote};

/// A database for reading and writing Parquet files.
pub(super) fn in_memory() -> Result<Connection> {
    let db = warehouse::small()?;
    // what DuckDB buffers while it reads stays with the process: a thread reads quickly enough, and gives back
    db.execute_batch("set threads = 1; set allocator_flush_threshold = '1MB'; set memory_limit = '256MB'")?;
    Ok(db)
}

/// Writes one table.
pub(super) fn write(db: &Connection, batch: RecordBatch, path: &Path) -> Result<()> {
    let columns = batch
        .schema()
        .fields()
        .iter()
        .map(|f| {
            let kind = match f.data_type() {
                DataType::Utf8 => "varchar",
                DataType::Boolean => "boolean",
                DataType::Float32 => "float",
                DataType::Float64 => "double",
                DataType::UInt32 => "uinteger",
                DataType::List(_) => "bigint[]",
                _ => "bigint",
            };
            format!("{} {kind}", warehouse::ident(f.name()))
        })
        .collect::<Vec<_>>()
        .join(", ");
    db.execute_batch(&format!("create or replace table part ({columns})"))?;
    // the appender takes a batch of at most a vector's length at a time
    let mut appender = db.appender("part")?;
    let mut start = 0;
    while start < batch.num_rows() {
        let length = (batch.num_rows() - start).min(2048);
        appender.append_record_batch(batch.slice(start, length))?;
        start += length;
    }
    appender.flush()?;
    drop(appender);
    db.execute_batch(&format!("copy part to {} (format parquet); drop table part;", quote(&path.to_string_lossy())))
        .with_context(|| t!("{} cannot be written", "{} 无法写入", path.display()))
}

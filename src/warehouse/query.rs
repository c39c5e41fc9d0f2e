//! A query of somebody's on the published warehouse, read-only, in the format asked for.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use clap::ValueEnum;
use duckdb::Connection;
use duckdb::arrow::record_batch::RecordBatch;
use duckdb::arrow::util::pretty::pretty_format_batches;

use super::quote;

/// How a query's result is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Csv,
    Parquet,
}

/// Runs one query and writes its rows to `out`. The query can read the warehouse and nothing else: no file, no network.
pub fn run_query(db: &Connection, sql: &str, format: Format, out: &mut impl Write) -> Result<()> {
    let sql = sql.trim().trim_end_matches(';');
    let options = match format {
        Format::Table => return print_table(db, sql, out),
        Format::Json => "format json, array true",
        Format::Csv => "format csv, header true",
        Format::Parquet => "format parquet",
    };
    let folder = std::env::temp_dir().join(format!("nearset-sql-{}", std::process::id()));
    std::fs::create_dir_all(&folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let result = copy_to(db, sql, options, &folder).and_then(|file| {
        io::copy(&mut File::open(file)?, out)?;
        Ok(out.flush()?)
    });
    std::fs::remove_dir_all(&folder).ok();
    result
}

/// Writes a query's result to a file in `folder`, the one place the connection may touch from then on.
fn copy_to(db: &Connection, sql: &str, options: &str, folder: &Path) -> Result<PathBuf> {
    let file = folder.join("result");
    db.execute_batch(&format!("set allowed_directories = [{}]", quote(&folder.to_string_lossy())))?;
    super::fence(db)?;
    db.execute_batch(&format!("copy (\n{sql}\n) to {} ({options})", quote(&file.to_string_lossy())))
        .map_err(|e| anyhow!("{}", super::short_error(&e)))?;
    Ok(file)
}

fn print_table(db: &Connection, sql: &str, out: &mut impl Write) -> Result<()> {
    super::fence(db)?;
    let mut statement = db.prepare(sql).map_err(|e| anyhow!("{}", super::message(&e)))?;
    let batches: Vec<RecordBatch> = statement.query_arrow([]).map_err(|e| anyhow!("{}", super::message(&e)))?.collect();
    writeln!(out, "{}", pretty_format_batches(&batches).context("the result cannot be shown as a table")?)?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    writeln!(out, "{rows} row{}", if rows == 1 { "" } else { "s" })?;
    Ok(())
}

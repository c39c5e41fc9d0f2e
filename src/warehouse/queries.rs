//! A query of somebody's on the published warehouse, read-only, in the format asked for.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::ValueEnum;
use duckdb::Connection;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::arrow::next_batch;
use super::connections::{Database, open_outside_sandbox};
use super::errors::{message, short_error};
use super::literals::quote;
use super::parameters::{published_as_of, set_parameters};
use super::sandbox::{lock, sandbox};
use super::table;
use crate::config::Config;

/// How a query's result is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    Table,
    Json,
    Csv,
    Parquet,
}

/// The text of a query: what the file of that name holds, where it ends in `.sql`, else the text itself.
///
/// # Errors
/// The file cannot be read.
pub fn query_text(query: &str) -> Result<String> {
    let file = Path::new(query);
    match file.extension().is_some_and(|extension| extension == "sql") {
        true => fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display())),
        false => Ok(query.to_owned()),
    }
}

/// Runs one query on the published warehouse and writes its rows to `out` as they come. The query can read the warehouse
/// and nothing else: no file, no network.
///
/// # Errors
/// There is no warehouse, the query is wrong (with DuckDB's line and caret), or `out` does not take its rows.
pub fn run_query(config: &Config, sql: &str, format: Format, out: &mut (impl Write + Send)) -> Result<()> {
    let db = open_outside_sandbox(config)?;
    set_parameters(&db, config, published_as_of(&db)?)?;
    let sql = sql.trim().trim_end_matches(';');
    let unlimited = |error: anyhow::Error| match error.to_string().contains("Out of Memory") {
        true => {
            anyhow!("the query needs more memory than MEMORY_LIMIT ({} MB) leaves it", config.memory_limit / 1_000_000)
        }
        false => error,
    };
    if sql.is_empty() {
        bail!("the query is empty; write one, as in nearset sql \"from funnel_by_day\"");
    }
    let options = match format {
        Format::Table => return print_table(&db, sql, out).map_err(unlimited),
        Format::Json => "format json, array true",
        Format::Csv => "format csv, header true",
        Format::Parquet => "format parquet",
    };
    stream(&db, sql, options, out).map_err(unlimited)
}

/// Lets DuckDB write the result into a pipe, in the one folder that the connection may touch, and hands on what comes.
fn stream(db: &Database, sql: &str, options: &str, out: &mut (impl Write + Send)) -> Result<()> {
    let pipe = db.folder().join("result");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
        .with_context(|| format!("{} cannot be made", pipe.display()))?;
    sandbox(db, &[db.folder().to_path_buf()])?;
    lock(db)?;
    // opened for both, no side waits for the other; what is held here goes once DuckDB has written all
    let held = OpenOptions::new().read(true).write(true).open(&pipe)?;
    let copied = std::thread::scope(|scope| {
        let mut reader = OpenOptions::new().read(true).open(&pipe)?;
        let handing_on = scope.spawn(move || {
            let copied = io::copy(&mut reader, out).and_then(|_| out.flush());
            // who reads no more must not keep DuckDB waiting
            if copied.is_err() {
                io::copy(&mut reader, &mut io::sink()).ok();
            }
            copied
        });
        let written = write_into(db, sql, options, &pipe);
        drop(held);
        let copied = handing_on.join().map_err(|_| anyhow!("the result could not be handed on"))?;
        written.map(|()| copied)
    })?;
    Ok(copied?)
}

fn write_into(db: &Connection, sql: &str, options: &str, pipe: &Path) -> Result<()> {
    db.execute_batch(&format!("copy (\n{sql}\n) to {} ({options}, use_tmp_file false)", quote(&pipe.to_string_lossy())))
        .map_err(|e| anyhow!("{}", short_error(&e)))
}

fn print_table(db: &Connection, sql: &str, out: &mut impl Write) -> Result<()> {
    sandbox(db, &[])?;
    lock(db)?;
    let mut statement = db.prepare(sql).map_err(|e| anyhow!("{}", message(&e)))?;
    let mut batches = statement.stream_arrow([]).map_err(|e| anyhow!("{}", message(&e)))?;
    let schema = batches.get_schema();
    let rows = table::write(&schema, || next_batch(&mut batches), out)?;
    writeln!(out, "{rows} row{}", if rows == 1 { "" } else { "s" })?;
    Ok(())
}

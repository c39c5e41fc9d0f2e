//! From the sources to the `raw` schema: every row as it came, one row per key, all values as text.
//!
//! Files are taken in one after the other, each a fold over what is there, so that increments leave the same rows as a
//! full refresh over all files does.

pub mod exposures;
mod json;
pub mod tables;

pub use json::{hex, sha256_file};

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use duckdb::Connection;
use serde_json::{Value, json};

use crate::config::Config;
use crate::warehouse::{ident, quote, timestamp};
use tables::{TABLES, Table};

/// What extraction did, for people and for the step's row count.
#[derive(Debug, Default)]
pub struct Extracted {
    pub rows: u64,
    pub notes: Vec<String>,
}

/// Names of the tables extraction leaves in the `raw` schema, as SQL files refer to them.
pub fn raw_tables() -> Vec<String> {
    TABLES
        .iter()
        .map(|t| t.name)
        .chain(["exposure_log", "rejected", "files", "watermarks", "run_parameters", "offline_lists"])
        .map(|name| format!("raw.{name}"))
        .collect()
}

/// Takes in what is new (or, with `full_refresh`, everything again). Changes nothing but the work copy `db`.
pub fn extract(db: &Connection, config: &Config, as_of: DateTime<Utc>, full_refresh: bool) -> Result<Extracted> {
    let json_dir = json_dir(config)?;
    create_raw_tables(db, full_refresh)?;
    let listing = json::list(json_dir)?;
    let mut extracted = Extracted::default();
    for name in &listing.strangers {
        extracted.notes.push(format!("{name} is no export of a table that is read; left out"));
    }
    for table in TABLES {
        let files = listing.files.get(table.name).map(Vec::as_slice).unwrap_or_default();
        extract_table(db, config, as_of, table, files, &mut extracted)
            .with_context(|| format!("table {}", table.name))?;
    }
    let datasets: u64 = db.query_row("select count(*) from raw.dataset", [], |row| row.get(0))?;
    if datasets == 0 {
        bail!("{} holds no dataset: dataset.json (or .json.gz) is needed, with at least one row", json_dir.display());
    }
    extracted.rows += exposures::extract(db, config, &mut extracted.notes)?;
    Ok(extracted)
}

/// Makes the tables SQL files read, so that they work whatever the sources hold.
fn create_raw_tables(db: &Connection, full_refresh: bool) -> Result<()> {
    if full_refresh {
        for table in TABLES {
            db.execute_batch(&format!("drop table if exists raw.{}", ident(table.name)))?;
        }
        db.execute_batch("drop table if exists raw.files; drop table if exists raw.watermarks;")?;
    }
    for table in TABLES {
        let columns = table.columns().map(|c| format!("{} varchar", ident(c))).collect::<Vec<_>>().join(", ");
        db.execute_batch(&format!(
            "create table if not exists raw.{} ({columns}, _changed_at timestamp, _file varchar, _row bigint)",
            ident(table.name)
        ))?;
    }
    db.execute_batch(
        "create table if not exists raw.rejected (
             source_table varchar, source_key varchar, reason varchar, column_name varchar, value varchar,
             outcome varchar, file varchar, row_number bigint, row_json varchar);
         create table if not exists raw.files (
             table_name varchar, file varchar, bytes bigint, sha256 varchar, rows bigint);
         create table if not exists raw.watermarks (
             source varchar, table_name varchar, column_name varchar, watermark timestamp, rows bigint);
         create table if not exists raw.offline_lists (
             channel varchar, dataset_id bigint, position integer, item_id bigint);",
    )
    .context("the raw schema could not be made")?;
    if full_refresh {
        // exposures stay, and so does what was wrong with them: rotated logs may be gone
        db.execute_batch("delete from raw.rejected where source_table <> 'exposure_log'")?;
    }
    exposures::create_table(db)
}

fn extract_table(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    table: &Table,
    files: &[json::ExportFile],
    extracted: &mut Extracted,
) -> Result<()> {
    let taken = taken_files(db, table)?;
    for file in files {
        match taken.get(&file.name) {
            None if file.is_full() && taken.keys().any(|name| json::is_full_name(table, name)) => bail!(
                "{} is a full export, but the table's full export was taken in before under another name; \
                 --full-refresh reads everything anew, --data-dir keeps it apart",
                file.name
            ),
            None => extracted.rows += json::take_in(db, config, as_of, table, file, &mut extracted.notes)?,
            Some((bytes, sha256)) => {
                if *bytes != file.bytes()? || *sha256 != file.sha256()? {
                    extracted.notes.push(format!(
                        "{} changed since it was taken in and was not read again; --full-refresh reads it",
                        file.name
                    ));
                }
            }
        }
    }
    if files.is_empty() && taken.is_empty() {
        extracted.notes.push(format!("{}: no export; the run goes on without it", table.name));
    }
    db.execute_batch(&format!(
        "delete from raw.watermarks where table_name = {name};
         insert into raw.watermarks
         select {source}, {name}, {column}, max(_changed_at) filter (_changed_at <= {as_of}), count(*) from raw.{table};",
        source = quote(table.source),
        name = quote(table.name),
        column = quote(table.change_columns.first().copied().unwrap_or("")),
        as_of = timestamp(as_of),
        table = ident(table.name),
    ))
    .context("the watermark could not be kept")
}

/// What a run would take in, a line a table. `published` is the warehouse as it is, if any and not to be refreshed.
pub fn preview(published: Option<&Connection>, config: &Config) -> Result<Vec<String>> {
    let json_dir = json_dir(config)?;
    let listing = json::list(json_dir)?;
    let mut lines = Vec::new();
    for table in TABLES {
        let taken = match published {
            Some(db) => taken_files(db, table)?,
            None => BTreeMap::new(),
        };
        let files = listing.files.get(table.name).map(Vec::as_slice).unwrap_or_default();
        let fresh: Vec<&str> = files.iter().map(|f| f.name.as_str()).filter(|f| !taken.contains_key(*f)).collect();
        lines.push(match fresh.len() {
            0 => format!("{}: nothing new", table.name),
            n => format!("{}: {n} file(s): {}", table.name, fresh.join(", ")),
        });
    }
    Ok(lines)
}

fn json_dir(config: &Config) -> Result<&Path> {
    config
        .json_dir
        .as_deref()
        .context("DATA_JSON_DIR is not set; point it at the folder of JSON exports (dataset.json and others)")
}

/// The files already taken in, with their size and hash.
fn taken_files(db: &Connection, table: &Table) -> Result<BTreeMap<String, (u64, String)>> {
    let mut statement = db.prepare("select file, bytes, sha256 from raw.files where table_name = ?")?;
    let rows = statement.query_map([table.name], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
    Ok(rows.collect::<duckdb::Result<_>>()?)
}

/// The content of `_metadata/extract_state.json`, from the watermarks in the warehouse.
pub fn state(db: &Connection) -> Result<Vec<u8>> {
    let mut statement = db.prepare(
        "select w.source, w.table_name, w.column_name, strftime(w.watermark, '%Y-%m-%dT%H:%M:%S'), w.rows,
                (select list(f.file order by f.file) from raw.files f where f.table_name = w.table_name)::json::varchar
         from raw.watermarks w order by all",
    )?;
    let mut rows = statement.query([])?;
    let mut state: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let files: Option<String> = row.get(5)?;
        let entry = json!({
            "watermark": row.get::<_, Option<String>>(3)?,
            "column": row.get::<_, Option<String>>(2)?.filter(|c| !c.is_empty()),
            "rows": row.get::<_, i64>(4)?,
            "files": files.map(|f| serde_json::from_str::<Value>(&f)).transpose()?.unwrap_or_else(|| json!([])),
        });
        state.entry(row.get(0)?).or_default().insert(row.get(1)?, entry);
    }
    Ok(serde_json::to_vec_pretty(&state)?)
}

//! From the sources to the `raw` schema: every row as it came, one row per key, all values as text.
//!
//! Files are taken in one after the other, each a fold over what is there, so that increments leave the same rows as a
//! full refresh over all files does; databases are read from where the last run stopped.

pub mod data_quality;
mod database;
mod incoming;
mod json;
pub mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use duckdb::{Connection, OptionalExt};
use serde_json::{Value, json};

use crate::common::errors::describe;
use crate::common::finding::{Finding, Verdict};
use crate::common::progress::Progress;
use crate::config::{Config, Source};
use crate::exposures;
use crate::warehouse::{self, ident, timestamp};
use tables::{TABLES, Table};

/// The sources, each read as its own settings say.
pub const SOURCES: [&str; 2] = ["business", "matomo"];

/// Looks at a source: what is there of what a run needs, and how to mend what is not.
pub fn inspect(config: &Config, name: &str) -> Vec<Finding> {
    let found = match config.source(name) {
        Source::Json => inspect_exports(config, name).map(|finding| vec![finding]),
        Source::Database(settings) => database::inspect(config, (name, settings)),
    };
    found.unwrap_or_else(|error| vec![Finding::new(Verdict::Broken, name, describe(&error))])
}

fn inspect_exports(config: &Config, name: &str) -> Result<Finding> {
    let listing = json::list(json_dir(config)?)?;
    let tables: Vec<&Table> = TABLES.iter().filter(|t| t.source == name).collect();
    let absent: Vec<&str> = tables.iter().map(|t| t.name).filter(|t| !listing.files.contains_key(t)).collect();
    let verdict = match absent.len() {
        _ if absent.contains(&"dataset") => Verdict::Broken,
        n if n == tables.len() => Verdict::Odd,
        _ => Verdict::Fine,
    };
    let without = if absent.is_empty() { String::new() } else { format!("; none of {}", absent.join(", ")) };
    let there = tables.len() - absent.len();
    Ok(Finding::new(
        verdict,
        name,
        format!("{there} of {} tables have exports in DATA_JSON_DIR{without}", tables.len()),
    ))
}

/// Names of the tables that a run leaves in the `raw` schema, as SQL files refer to them (`raw.…`): those that
/// [`create_raw_tables`] makes.
///
/// # Errors
/// DuckDB cannot be started.
pub fn raw_tables() -> Result<BTreeSet<String>> {
    let db = warehouse::small()?;
    db.execute_batch("create schema raw")?;
    create_raw_tables(&db, false)?;
    let mut statement =
        db.prepare("select 'raw.' || table_name from information_schema.tables where table_schema = 'raw'")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<duckdb::Result<_>>()?)
}

/// Takes in what is new (or, with `full_refresh`, everything again) and returns how many rows that was. Changes nothing
/// but the work copy `db`.
pub fn extract(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    full_refresh: bool,
    watch: &Progress,
) -> Result<u64> {
    create_raw_tables(db, full_refresh)?;
    let mut rows = 0;
    for name in SOURCES {
        rows += match config.source(name) {
            Source::Json => take_in_exports(db, config, as_of, name, watch)?,
            Source::Database(settings) => database::take_in(db, config, as_of, (name, settings), watch)?,
        };
    }
    let datasets: u64 = db.query_row("select count(*) from raw.dataset", [], |row| row.get(0))?;
    if datasets == 0 {
        match &config.sources.business {
            Source::Json => bail!(
                "{} holds no dataset: dataset.json (or .json.gz) is needed, with at least one row",
                json_dir(config)?.display()
            ),
            Source::Database(_) => bail!("the business database's table dataset holds no row"),
        }
    }
    rows += exposures::take_in(db, config, watch)?;
    Ok(rows)
}

/// Takes in the new exports of a source's tables.
fn take_in_exports(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    name: &str,
    watch: &Progress,
) -> Result<u64> {
    let mut rows = 0;
    let listing = json::list(json_dir(config)?)?;
    if SOURCES.iter().find(|s| matches!(config.source(s), Source::Json)) == Some(&name) {
        for stranger in &listing.strangers {
            (watch.note)(&format!("{stranger} is no export of a table that is read; left out"));
        }
    }
    for table in TABLES.iter().filter(|t| t.source == name) {
        let files = listing.files.get(table.name).map(Vec::as_slice).unwrap_or_default();
        rows +=
            take_in_table(db, config, as_of, table, files, watch).with_context(|| format!("table {}", table.name))?;
    }
    Ok(rows)
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
         alter table raw.watermarks add column if not exists mode varchar;
         alter table raw.watermarks add column if not exists origin varchar;
         alter table raw.watermarks add column if not exists is_there boolean;
         alter table raw.watermarks add column if not exists max_key bigint;
         alter table raw.watermarks add column if not exists surplus bigint;
         alter table raw.watermarks add column if not exists columns varchar;
         drop table if exists raw.offline_lists;",
    )
    .context("the raw schema could not be made")?;
    if full_refresh {
        // exposures stay, and so does what was wrong with them: rotated logs may be gone
        db.execute_batch("delete from raw.rejected where source_table <> 'exposure_log'")?;
    }
    create_replay_tables(db)?;
    warehouse::create_parameters_table(db)?;
    exposures::create_tables(db)
}

/// Makes the tables that evaluation writes what it replayed to.
pub fn create_replay_tables(db: &Connection) -> Result<()> {
    db.execute_batch(
        "create table if not exists raw.offline_replays (
             model varchar, list varchar, action_row_id bigint, place integer, later_hits_5 integer,
             later_hits_10 integer, later_hits_20 integer, later integer, diversity double, novelty double,
             page_views bigint);
         create table if not exists raw.offline_shown (model varchar, list varchar, item_id bigint, times bigint);",
    )
    .context("the tables for replays could not be made")
}

/// Takes in a table's new exports, in their order.
fn take_in_table(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    table: &Table,
    files: &[json::ExportFile],
    watch: &Progress,
) -> Result<u64> {
    let before = known(db, table)?.unwrap_or_default();
    if before.is_database() && before.rows > 0 {
        (watch.note)(&format!(
            "{}: read from {} before; exports are folded into its rows, the newer of each staying; --full-refresh starts \
             from the exports alone",
            table.name, before.origin
        ));
    }
    let mut rows = 0;
    let taken = taken_files(db, table)?;
    for file in files {
        match taken.get(&file.name) {
            None if file.is_full() && taken.keys().any(|name| json::is_full_name(table, name)) => bail!(
                "{} is a full export, but the table's full export was taken in before under another name; \
                 --full-refresh reads everything anew, --data-dir keeps it apart",
                file.name
            ),
            None => rows += json::take_in(db, config, as_of, table, file, watch)?,
            Some(then) if file.fingerprint()? == *then => {}
            Some(then) if file.began_as(then)? => {
                (watch.note)(&format!("{} has grown since it was taken in, and is read again", file.name));
                json::forget(db, table, &file.name)?;
                rows += json::take_in(db, config, as_of, table, file, watch)?;
            }
            Some(_) => (watch.note)(&format!(
                "{} changed since it was taken in and was not read again; --full-refresh reads it",
                file.name
            )),
        }
    }
    let is_there = !files.is_empty() || !taken.is_empty();
    if !is_there {
        (watch.note)(&format!("{}: no export; the run goes on without it", table.name));
    }
    let now = Known { mode: "json".to_owned(), origin: "exports".to_owned(), is_there, ..Known::default() };
    keep_watermark(db, as_of, table, &now)?;
    Ok(rows)
}

/// What the warehouse knows of a table: how far it was read, from where, and what it was like there.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// `json` or `database`.
    pub mode: String,
    /// The place, in words that hold no secret.
    pub origin: String,
    pub is_there: bool,
    /// The newest change time read, in UTC.
    pub watermark: Option<DateTime<Utc>>,
    /// The largest key read, of tables whose first key is a whole number.
    pub max_key: Option<i64>,
    pub rows: i64,
    /// How many rows the source has more than are stored, since they share a key with another or have none.
    pub surplus: Option<i64>,
    /// A database's columns and their types there.
    pub columns: BTreeMap<String, String>,
}

impl Known {
    pub fn is_database(&self) -> bool {
        self.mode == "database"
    }
}

/// What is known of a table; none before it was first read.
fn known(db: &Connection, table: &Table) -> Result<Option<Known>> {
    let found = db
        .query_row(
            "select mode, origin, is_there, epoch_us(watermark), max_key, rows, surplus, columns
             from raw.watermarks where table_name = ?",
            [table.name],
            |row| {
                let columns: Option<String> = row.get(7)?;
                Ok(Known {
                    mode: row.get::<_, Option<String>>(0)?.unwrap_or_else(|| "json".to_owned()),
                    origin: row.get::<_, Option<String>>(1)?.unwrap_or_else(|| "exports".to_owned()),
                    is_there: row.get::<_, Option<bool>>(2)?.unwrap_or(true),
                    watermark: row.get::<_, Option<i64>>(3)?.and_then(DateTime::from_timestamp_micros),
                    max_key: row.get(4)?,
                    rows: row.get(5)?,
                    surplus: row.get(6)?,
                    columns: columns.and_then(|c| serde_json::from_str(&c).ok()).unwrap_or_default(),
                })
            },
        )
        .optional()?;
    Ok(found)
}

/// Writes what is now known of a table; how far it was read comes from its rows, so that the two cannot part.
fn keep_watermark(db: &Connection, as_of: DateTime<Utc>, table: &Table, now: &Known) -> Result<()> {
    let key = ident(table.key[0].0);
    db.execute("delete from raw.watermarks where table_name = ?", [table.name])?;
    db.execute(
        &format!(
            "insert into raw.watermarks by name
             select ? as source, ? as table_name, ? as column_name, ? as mode, ? as origin, ? as is_there, ? as surplus,
                 ? as columns,
                 max(_changed_at) filter (_changed_at <= {as_of}) as watermark,
                 max(try_cast({key} as bigint)) as max_key,
                 count(*) as rows
             from raw.{table}",
            as_of = timestamp(as_of),
            table = ident(table.name),
        ),
        duckdb::params![
            table.source,
            table.name,
            table.change_columns.first().copied().unwrap_or(table.key[0].0),
            now.mode,
            now.origin,
            now.is_there,
            now.surplus,
            serde_json::to_string(&now.columns)?,
        ],
    )
    .context("the watermark could not be kept")?;
    Ok(())
}

/// What a run would take in, a line a table. `published` is the warehouse as it is, if any and not to be refreshed.
pub fn preview(published: Option<&Connection>, config: &Config, watch: &Progress) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for name in SOURCES {
        match config.source(name) {
            Source::Json => preview_exports(published, config, name, &mut lines)?,
            Source::Database(settings) => lines.extend(database::preview(published, config, (name, settings), watch)?),
        }
    }
    Ok(lines)
}

fn preview_exports(published: Option<&Connection>, config: &Config, name: &str, lines: &mut Vec<String>) -> Result<()> {
    let listing = json::list(json_dir(config)?)?;
    for table in TABLES.iter().filter(|t| t.source == name) {
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
    Ok(())
}

fn json_dir(config: &Config) -> Result<&Path> {
    config
        .sources
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
        "select w.source, w.table_name, w.column_name, strftime(w.watermark, '%Y-%m-%dT%H:%M:%S'), w.rows, w.mode, w.max_key,
                (select list(f.file order by f.file) from raw.files f where f.table_name = w.table_name)::json::varchar
         from raw.watermarks w order by all",
    )?;
    let mut rows = statement.query([])?;
    let mut state: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let files: Option<String> = row.get(7)?;
        let (time, key): (Option<String>, Option<i64>) = (row.get(3)?, row.get(6)?);
        let entry = json!({
            // a table without times goes by its key
            "watermark": time.map(Value::from).or_else(|| key.map(Value::from)),
            "column": row.get::<_, Option<String>>(2)?,
            "rows": row.get::<_, i64>(4)?,
            "mode": row.get::<_, Option<String>>(5)?,
            "max_key": key,
            "files": files.map(|f| serde_json::from_str::<Value>(&f)).transpose()?.unwrap_or_else(|| json!([])),
        });
        state.entry(row.get(0)?).or_default().insert(row.get(1)?, entry);
    }
    Ok(serde_json::to_vec_pretty(&state)?)
}

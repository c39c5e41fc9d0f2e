//! The warehouse: one DuckDB file that readers open at any time and a run replaces in one step.
//!
//! DuckDB lets one process write or many read. So a run works on a copy, closes it and renames it over the published
//! file; readers keep the file they opened, and a run that fails or is killed leaves only a work file, which the next
//! run removes.

pub mod arrow;
pub mod project;
mod query;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::{AccessMode, Connection};

use crate::config::Config;
use crate::memory;

pub use query::{Format, run_query};

/// Writes `text` as an SQL string literal.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Writes `name` as an SQL identifier.
pub fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Writes a moment as an SQL timestamp in UTC.
pub fn timestamp(moment: DateTime<Utc>) -> String {
    format!("timestamp '{}'", moment.format("%Y-%m-%d %H:%M:%S%.6f"))
}

/// What DuckDB says of an error, without what the driver adds.
pub fn message(error: &duckdb::Error) -> String {
    match error {
        duckdb::Error::DuckDBFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    }
}

/// An error of DuckDB's in one line, without the statement it repeats.
pub fn short_error(error: &duckdb::Error) -> String {
    let text = message(error);
    let text = text.split("\n\nLINE ").next().unwrap_or(&text);
    text.replace("Invalid Input Error: ", "").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lets SQL files turn times from zone to zone. The prebuilt DuckDB has ICU; a bundled one does not, and there every
/// zone must be UTC, where nothing is to be turned.
fn set_time_zones(db: &Connection, config: &Config) -> Result<()> {
    if db.execute_batch("set TimeZone = 'UTC'; select timezone('UTC', timestamp '2026-01-01');").is_ok() {
        return Ok(());
    }
    for (name, zone) in [("BUSINESS_TIMEZONE", &config.business_timezone), ("REPORT_TIMEZONE", &config.report_timezone)]
    {
        if zone != "UTC" {
            anyhow::bail!(
                "{name} = {zone:?}: this build's DuckDB knows no time zones but UTC; build with the prebuilt library"
            );
        }
    }
    db.execute_batch("create or replace temp macro timezone(zone, moment) as moment").context("time zones")
}

/// Sets the parameters that SQL files read with `getvariable`.
pub fn set_parameters(db: &Connection, config: &Config, as_of: DateTime<Utc>) -> Result<()> {
    set_time_zones(db, config)?;
    let dimensions = config.request_dimensions.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
    db.execute_batch(&format!(
        "set variable as_of = {};
         set variable business_timezone = {};
         set variable report_timezone = {};
         set variable bot_max_actions = {};
         set variable request_dimensions = [{dimensions}];
         set variable train_until = cast(null as timestamp);
         set variable held_out_from = cast(null as timestamp);
         set variable held_out_until = cast(null as timestamp);
         set variable holdout_from = cast(null as timestamp);",
        timestamp(as_of),
        quote(&config.business_timezone),
        quote(&config.report_timezone),
        config.bot_max_actions,
    ))
    .context("the run's parameters could not be set")
}

/// What a process holds at least beside what DuckDB counts, in bytes: its code, and what the allocator keeps. Measured
/// while five million rows are read, at limits from 300 MB to 4 GB.
const UNCOUNTED: u64 = 256 << 20;

/// Of how much one part is left to that: sorting nine million exposures takes 450 MB more than DuckDB counts at 2 GB.
const UNCOUNTED_PART: u64 = 4;

/// How much of the machine DuckDB may use, so that the whole process keeps to the limit where it is not tiny. What it
/// frees goes back to the machine soon, since others of the process take it next.
fn limits(config: &Config) -> duckdb::Result<duckdb::Config> {
    duckdb::Config::default()
        .threads(config.threads as i64)?
        .max_memory(&format!("{}KB", counted(config) / 1000))?
        .with("allocator_flush_threshold", "16MB")?
        .with("allocator_bulk_deallocation_flush_threshold", "64MB")
}

fn counted(config: &Config) -> u64 {
    config.memory_limit.saturating_sub(uncounted(config)).max(config.memory_limit / 3)
}

fn uncounted(config: &Config) -> u64 {
    UNCOUNTED.max(config.memory_limit / UNCOUNTED_PART)
}

/// Whose turn it is to take memory: DuckDB's queries, or what is made of their rows outside of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Queries,
    Rows,
}

/// Of what the limit leaves beside the rest of the process, gives DuckDB all while it works and an eighth while others do;
/// the rest of what it holds then goes to disk.
pub fn share_memory(db: &Connection, config: &Config, turn: Turn) -> Result<()> {
    let all = counted(config);
    let held: u64 = db
        .query_row("select sum(memory_usage_bytes)::ubigint from duckdb_memory()", [], |row| row.get(0))
        .context("DuckDB does not say what memory it holds")?;
    let others = memory::resident().saturating_sub(held + uncounted(config));
    let share = match turn {
        Turn::Queries => all.saturating_sub(others).max(all / 4),
        Turn::Rows => all / 8,
    };
    // a database in memory may have nowhere to put what it holds: it keeps what it had
    if let Err(error) = db.execute_batch(&format!("set memory_limit = '{}KB'", share / 1000)) {
        tracing::debug!("DuckDB's memory stays as it is: {}", short_error(&error));
    }
    tracing::debug!(?turn, share, held, others, "memory");
    Ok(())
}

/// Opens the published warehouse for reading, as any number of processes may at once.
pub fn open_published(config: &Config) -> Result<Connection> {
    let path = config.warehouse_path();
    if !path.exists() {
        anyhow::bail!("{} does not exist yet; `nearset run` makes it", path.display());
    }
    let options = limits(config)?.access_mode(AccessMode::ReadOnly)?;
    Connection::open_with_flags(&path, options).with_context(|| format!("{} cannot be opened", path.display()))
}

/// The moment that the published warehouse stands for.
pub fn published_as_of(db: &Connection) -> Result<DateTime<Utc>> {
    let micros: i64 = db
        .query_row("select epoch_us(as_of) from raw.run_parameters", [], |row| row.get(0))
        .context("the warehouse does not say what time it stands for; run `nearset run` again")?;
    Ok(DateTime::from_timestamp_micros(micros).unwrap_or_default())
}

/// An empty database in memory, for what leaves nothing behind.
pub fn scratch(config: &Config) -> Result<Connection> {
    let db = Connection::open_in_memory_with_flags(limits(config)?)?;
    set_time_zones(&db, config)?;
    Ok(db)
}

/// Takes the file system and the network away from a connection, so that a query reads the warehouse and nothing else.
pub fn fence(db: &Connection) -> Result<()> {
    db.execute_batch("set enable_external_access = false; set lock_configuration = true;")
        .context("the connection could not be fenced")
}

/// The copy of the warehouse that a run works on. Dropped without [`WorkCopy::publish`], it leaves the published file
/// as it was.
pub struct WorkCopy {
    pub db: Connection,
    path: PathBuf,
    published: PathBuf,
}

impl WorkCopy {
    /// Copies the published warehouse (or starts an empty one), removing what a killed run may have left.
    pub fn open(config: &Config) -> Result<Self> {
        let published = config.warehouse_path();
        let path = config.data_dir.join("warehouse.work.duckdb");
        remove_work(&path)?;
        if published.exists() {
            fs::copy(&published, &path)
                .with_context(|| format!("{} cannot be copied to {}", published.display(), path.display()))?;
        }
        let db = Connection::open_with_flags(&path, limits(config)?).with_context(|| {
            format!(
                "{} cannot be opened; if it was written by a newer DuckDB, move it away and run again",
                published.display()
            )
        })?;
        let spill = config.data_dir.join("warehouse.work.tmp");
        db.execute_batch(&format!(
            "set temp_directory = {}; create schema if not exists raw;",
            quote(&spill.to_string_lossy())
        ))
        .context("the work copy could not be set up")?;
        Ok(Self { db, path, published })
    }

    /// Closes the copy whole and puts it in the published file's place in one step.
    pub fn publish(self) -> Result<()> {
        let Self { db, path, published } = self;
        db.execute_batch("checkpoint").context("the warehouse could not be written")?;
        db.close().map_err(|(_, e)| e).context("the warehouse could not be closed")?;
        sync(&path)?;
        rename(&path, &published)?;
        remove_work(&path)
    }
}

/// Removes a work file with all that belongs to it.
fn remove_work(path: &Path) -> Result<()> {
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", path.to_string_lossy()));
    for leftover in [path.to_path_buf(), beside(".wal")] {
        match fs::remove_file(&leftover) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).with_context(|| format!("{} cannot be removed", leftover.display()));
            }
            _ => {}
        }
    }
    let _ = fs::remove_dir_all(path.with_extension("tmp"));
    Ok(())
}

/// Waits until a file's bytes are on disk.
pub fn sync(path: &Path) -> Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .with_context(|| format!("{} could not be written to disk", path.display()))
}

/// Renames in one step and waits until the folder knows of it.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).with_context(|| format!("{} could not be renamed to {}", from.display(), to.display()))?;
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => sync(parent),
        _ => Ok(()),
    }
}

/// Writes a file whole or not at all.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(|| format!("{} cannot be made", parent.display()))?;
    }
    let part = PathBuf::from(format!("{}.part", path.to_string_lossy()));
    fs::write(&part, bytes).with_context(|| format!("{} cannot be written", part.display()))?;
    sync(&part)?;
    rename(&part, path)
}

/// Binds every relation of the project against the published warehouse, where there is one, without building any; says
/// so in words to append to a verdict.
pub fn check_against_warehouse(config: &Config, project: &project::Project) -> Result<&'static str> {
    if !config.warehouse_path().exists() {
        return Ok("; columns are checked once there is a warehouse (`nearset run`)");
    }
    let published = open_published(config)?;
    set_parameters(&published, config, Utc::now())?;
    let problems: Vec<String> =
        project.relations.iter().filter_map(|r| r.bind(&published).err()).map(|e| format!("{e:#}")).collect();
    if problems.is_empty() { Ok(", and bind against the warehouse") } else { anyhow::bail!("{}", problems.join("\n")) }
}

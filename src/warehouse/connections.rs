//! The one place that opens DuckDB: how much of the machine a connection may use, where it spills, what it may touch.
//!
//! Two processes that spilled into the same folder read each other's blocks: wrong rows with exit code 0. So every
//! connection has a folder of its own, which no other user can read and which goes with it.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::{AccessMode, Connection};

use super::{quote, timestamp};
use crate::common::memory;
use crate::common::scratch::{self, Scratch};
use crate::config::Config;

/// An open database with the folder it spills to.
pub struct Database {
    // dropped first: the folder is in use until then
    db: Connection,
    spill: Scratch,
}

impl Deref for Database {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.db
    }
}

impl Database {
    /// The folder it spills to; what else is in it goes with it.
    pub fn folder(&self) -> &Path {
        self.spill.path()
    }

    /// Writes all to the file and closes it.
    ///
    /// # Errors
    /// It cannot be written or closed.
    pub(super) fn close(self) -> Result<()> {
        self.db.execute_batch("checkpoint").context("the warehouse could not be written")?;
        self.db.close().map_err(|(_, e)| e).context("the warehouse could not be closed")
    }
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
        tracing::debug!("DuckDB's memory stays as it is: {}", super::short_error(&error));
    }
    tracing::debug!(?turn, share, held, others, "memory");
    Ok(())
}

/// The settings that every connection has: nothing is fetched or loaded that nobody asked for, and it spills to `folder`.
fn settled(options: duckdb::Config, folder: &Path) -> duckdb::Result<duckdb::Config> {
    options
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("temp_directory", folder.to_string_lossy())
}

/// A folder for what a connection spills: beside the warehouse where that can be written, else where the system has
/// its temporary files.
fn spill(config: &Config) -> Result<Scratch> {
    Scratch::new(&[&config.data_dir, &std::env::temp_dir()])
        .context("DuckDB needs a folder to spill to: make DATA_DIR or TMPDIR writable")
}

/// Opens a database file for reading and writing.
pub(super) fn open_file(config: &Config, path: &Path) -> Result<Database> {
    let spill = spill(config)?;
    let options = settled(limits(config)?, spill.path())?;
    let db = scratch::uninterrupted(|| Connection::open_with_flags(path, options))?;
    Ok(Database { db, spill })
}

/// Opens the published warehouse for reading, as any number of processes may at once. A query on it reaches nothing else:
/// no file, no network.
///
/// # Errors
/// There is none yet, or it cannot be opened.
pub fn open_published(config: &Config) -> Result<Database> {
    let opened = open_published_unfenced(config)?;
    fence(&opened, &[])?;
    Ok(opened)
}

/// The same before it is fenced in, for who has to name what it may touch.
pub(super) fn open_published_unfenced(config: &Config) -> Result<Database> {
    let path = config.warehouse_path();
    if !path.exists() {
        anyhow::bail!("{} does not exist yet; `nearset run` makes it", path.display());
    }
    let spill = spill(config)?;
    let options = settled(limits(config)?.access_mode(AccessMode::ReadOnly)?, spill.path())?;
    let db =
        Connection::open_with_flags(&path, options).with_context(|| format!("{} cannot be opened", path.display()))?;
    set_time_zones(&db, config)?;
    Ok(Database { db, spill })
}

/// The moment that the published warehouse stands for.
pub fn published_as_of(db: &Connection) -> Result<DateTime<Utc>> {
    let micros: i64 = db
        .query_row("select epoch_us(as_of) from raw.run_parameters", [], |row| row.get(0))
        .context("the warehouse does not say what time it stands for; run `nearset run` again")?;
    DateTime::from_timestamp_micros(micros).context("the warehouse stands for a time that is none; run `nearset run`")
}

/// An empty database in memory, for what leaves nothing behind. It is not fenced in.
///
/// # Errors
/// No folder can be written to spill to.
pub fn in_memory(config: &Config) -> Result<Database> {
    let spill = spill(config)?;
    let db = Connection::open_in_memory_with_flags(settled(limits(config)?, spill.path())?)?;
    set_time_zones(&db, config)?;
    Ok(Database { db, spill })
}

/// A small database in memory that never spills: it parses, or reads and writes a version's own files.
///
/// # Errors
/// DuckDB cannot be started.
pub fn small() -> Result<Connection> {
    let options = duckdb::Config::default()
        .enable_autoload_extension(false)?
        .with("autoinstall_known_extensions", "false")?
        .with("temp_directory", "")?;
    Connection::open_in_memory_with_flags(options).context("DuckDB cannot be started")
}

/// Takes the file system (but for some folders, and all that is in them) and the network away from a connection, for
/// good: what is in an analyst's file, or in a query, reads the warehouse and nothing else.
///
/// # Errors
/// DuckDB does not take it; then nothing may be run on it.
pub fn fence(db: &Connection, folders: &[PathBuf]) -> Result<()> {
    let folders: Vec<String> = folders.iter().map(|folder| quote(&folder.to_string_lossy())).collect();
    db.execute_batch(&format!(
        "set allowed_directories = [{}]; set enable_external_access = false;",
        folders.join(", ")
    ))
    .context("the connection could not be fenced in")
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

/// The columns of `raw.run_parameters`: what [`set_parameters`] sets, for clients that have to set it themselves.
const RUN_PARAMETERS: &str =
    "(as_of timestamp, business_timezone varchar, report_timezone varchar, bot_max_actions integer)";

/// Makes the table of the run's parameters, which is empty until [`keep_parameters`].
///
/// # Errors
/// DuckDB cannot write it.
pub fn create_parameters_table(db: &Connection) -> Result<()> {
    db.execute_batch(&format!("create table if not exists raw.run_parameters {RUN_PARAMETERS}"))
        .context("the table of the run's parameters could not be made")
}

/// Keeps the parameters of the run that made what is in the warehouse.
///
/// # Errors
/// DuckDB cannot write them.
pub fn keep_parameters(db: &Connection, config: &Config, as_of: DateTime<Utc>) -> Result<()> {
    db.execute_batch(&format!(
        "create or replace table raw.run_parameters {RUN_PARAMETERS};
         insert into raw.run_parameters values ({}, {}, {}, {});",
        timestamp(as_of),
        quote(&config.business_timezone),
        quote(&config.report_timezone),
        config.bot_max_actions
    ))
    .context("the run's parameters could not be kept")
}

//! The one place that opens DuckDB, each connection with a folder of its own to spill to.
//!
//! Two processes that spilled into the same folder read each other's blocks: wrong rows with exit code 0. So every
//! connection has a folder of its own, which no other user can read and which goes with it.

use std::ops::Deref;
use std::path::Path;

use anyhow::{Context, Result, bail};
use duckdb::{AccessMode, Connection};

use super::memory::limits;
use super::parameters::set_time_zones;
use super::sandbox::sandbox;
use crate::common::language::{either, t};
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
        self.db.execute_batch("checkpoint").context(either("the warehouse could not be written", "仓库未能写入"))?;
        self.db.close().map_err(|(_, e)| e).context(either("the warehouse could not be closed", "仓库未能关闭"))
    }
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
    Scratch::new(&[&config.data_dir, &std::env::temp_dir()]).context(either(
        "DuckDB needs a folder to spill to: make DATA_DIR or TMPDIR writable",
        "DuckDB 需要一个目录来落盘：请让 DATA_DIR 或 TMPDIR 可写",
    ))
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
    let opened = open_outside_sandbox(config)?;
    sandbox(&opened, &[])?;
    Ok(opened)
}

/// The same for a look that leaves nothing behind, not even for a moment: it has no folder to spill to.
///
/// # Errors
/// There is none yet, or it cannot be opened.
pub fn glance(config: &Config) -> Result<Connection> {
    glance_at(config, &config.warehouse_path())
}

/// The same of a warehouse that lies elsewhere.
///
/// # Errors
/// It cannot be opened.
pub fn glance_at(config: &Config, path: &Path) -> Result<Connection> {
    let options = settled(limits(config)?.access_mode(AccessMode::ReadOnly)?, Path::new(""))?;
    let db = Connection::open_with_flags(path, options)
        .with_context(|| t!("{} cannot be opened", "{} 无法打开", path.display()))?;
    set_time_zones(&db, config)?;
    sandbox(&db, &[])?;
    Ok(db)
}

/// The same before it is in its sandbox, for who has to name what it may touch.
///
/// # Errors
/// There is none yet, or it cannot be opened.
pub fn open_outside_sandbox(config: &Config) -> Result<Database> {
    let path = config.warehouse_path();
    if !path.exists() {
        bail!(t!(
            "{} does not exist yet; `nearset run` makes it",
            "{} 还不存在；用 `nearset run` 生成",
            path.display()
        ));
    }
    let spill = spill(config)?;
    let options = settled(limits(config)?.access_mode(AccessMode::ReadOnly)?, spill.path())?;
    let db = Connection::open_with_flags(&path, options)
        .with_context(|| t!("{} cannot be opened", "{} 无法打开", path.display()))?;
    set_time_zones(&db, config)?;
    Ok(Database { db, spill })
}

/// An empty database in memory, for what leaves nothing behind. It is in no sandbox.
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
    Connection::open_in_memory_with_flags(options).context(either("DuckDB cannot be started", "DuckDB 无法启动"))
}

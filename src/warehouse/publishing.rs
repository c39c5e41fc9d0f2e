//! The copy of the warehouse that a run works on, and its way to the published file's place.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use duckdb::Connection;

use super::connections::{Database, open_file};
use crate::common::language::{either, t};
use crate::common::{files, scratch};
use crate::config::Config;

/// The journal of a run that is being published, below `DATA_DIR/_metadata`.
pub const PUBLISHING: &str = "publishing.json";

/// How much more than a copy a run needs of the disk: relations are made anew beside the old ones, in the same file.
const GROWTH: u64 = 2;

/// What has to stay free beside a run, so that lists are still logged, in bytes.
const RESERVE: u64 = 16 << 20;

/// The work copy. Dropped without being closed and published, it leaves the published file as it was and nothing beside.
pub struct WorkCopy {
    db: Option<Database>,
    path: PathBuf,
}

/// Where the work copy of a run is.
pub fn work_path(config: &Config) -> PathBuf {
    config.data_dir.join("warehouse.work.duckdb")
}

impl WorkCopy {
    /// Copies the published warehouse (or starts an empty one), removing what a killed run may have left.
    ///
    /// # Errors
    /// There is no room, or a file cannot be read or written.
    pub fn open(config: &Config) -> Result<Self> {
        let published = config.warehouse_path();
        let copy = Self::begin(config)?;
        if published.exists() {
            require_room(config, GROWTH * length(&published))?;
            let made = scratch::uninterrupted(|| File::create(&copy.path));
            let made = made.with_context(|| t!("{} cannot be written", "{} 无法写入", copy.path.display()))?;
            files::copy_into(&published, made, &copy.path)?;
        }
        copy.opened(config)
    }

    /// Goes on with one that was closed before, which is moved to its place.
    ///
    /// # Errors
    /// There is no room, or a file cannot be moved or opened.
    pub fn resume(config: &Config, from: &Path) -> Result<Self> {
        let copy = Self::begin(config)?;
        require_room(config, (GROWTH - 1) * length(from))?;
        scratch::uninterrupted(|| files::rename_unsynced(from, &copy.path))?;
        copy.opened(config)
    }

    /// None yet; what a killed run may have left is removed.
    fn begin(config: &Config) -> Result<Self> {
        let path = work_path(config);
        remove_work(&path)?;
        for part in parts(&path) {
            scratch::remove_at_signal(&part);
        }
        Ok(Self { db: None, path })
    }

    fn opened(mut self, config: &Config) -> Result<Self> {
        let published = config.warehouse_path();
        let db = open_file(config, &self.path).with_context(|| {
            t!(
                "{} cannot be opened; if it was written by a newer DuckDB, move it away and run again",
                "{} 无法打开；若是更新版本的 DuckDB 写的，请移走后重新运行",
                published.display()
            )
        })?;
        db.execute_batch("create schema if not exists raw")
            .context(either("the work copy could not be set up", "工作副本未能准备好"))?;
        self.db = Some(db);
        Ok(self)
    }

    /// The connection to it.
    ///
    /// # Errors
    /// It was closed.
    pub fn db(&self) -> Result<&Connection> {
        self.db.as_deref().context(either("the work copy is closed", "工作副本已关闭"))
    }

    /// Writes it whole to disk; from then on renaming it publishes it, and it stays when this is dropped.
    ///
    /// # Errors
    /// It cannot be written; nothing was published.
    pub fn close(mut self) -> Result<()> {
        if let Some(db) = self.db.take() {
            db.close().with_context(|| self.path.display().to_string())?;
        }
        files::sync(&self.path)?;
        for part in parts(&self.path) {
            scratch::settled(&part);
        }
        // what belongs to the copy goes; the copy stays
        self.path = PathBuf::new();
        Ok(())
    }
}

impl Drop for WorkCopy {
    fn drop(&mut self) {
        self.db = None;
        if !self.path.as_os_str().is_empty() {
            remove_work(&self.path).ok();
            for part in parts(&self.path) {
                scratch::settled(&part);
            }
        }
    }
}

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |about| about.len())
}

/// Whether a run would still find room for a work copy.
///
/// # Errors
/// The file system does not say how much is free.
pub fn has_room_for_a_run(config: &Config) -> Result<bool> {
    Ok(files::free_bytes(&config.data_dir)? >= GROWTH * length(&config.warehouse_path()) + RESERVE)
}

/// Fails where a run would fill the disk, which lists are logged to.
fn require_room(config: &Config, bytes: u64) -> Result<()> {
    let (free, needed) = (files::free_bytes(&config.data_dir)?, bytes + RESERVE);
    if free < needed {
        bail!(t!(
            "{}: {} MB are free, and a run works on a copy of the warehouse and needs {} MB; make room, or move \
             DATA_DIR to a larger disk",
            "{}：剩余 {} MB；运行要在仓库的副本上进行，需要 {} MB；请腾出空间，或把 DATA_DIR 移到更大的磁盘",
            config.data_dir.display(),
            free / 1_000_000,
            needed / 1_000_000
        ));
    }
    Ok(())
}

/// The files a work copy is made of.
fn parts(path: &Path) -> [PathBuf; 2] {
    [path.to_path_buf(), PathBuf::from(format!("{}.wal", path.to_string_lossy()))]
}

/// Removes a work copy with all that belongs to it.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove_work(path: &Path) -> Result<()> {
    for part in parts(path) {
        files::remove(&part)?;
    }
    // what earlier versions spilled to
    fs::remove_dir_all(path.with_extension("tmp")).ok();
    Ok(())
}

//! One run at a time: DATA_DIR itself is locked, and a file in it that says who holds the lock.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};

use super::publishing::{PUBLISHING, remove_work, work_path};
use crate::common::errors::Failure;
use crate::common::language::{either, t};
use crate::common::lock::{self, Lock};
use crate::common::{files, scratch};
use crate::config::Config;

/// The lock, held until dropped.
#[derive(Debug)]
pub struct RunLock {
    /// `None` where the file system locks no folders.
    _folder: Option<Lock>,
    _file: Lock,
}

fn path(config: &Config) -> PathBuf {
    config.metadata_dir().join("run.lock")
}

/// Takes the lock.
///
/// # Errors
/// [`Failure::Locked`], naming the process that holds it; DATA_DIR cannot be written.
pub fn take_run_lock(config: &Config) -> Result<RunLock> {
    files::make_dir(&config.metadata_dir()).context(either("DATA_DIR must be writable", "DATA_DIR 须可写"))?;
    let path = path(config);
    let cannot =
        || t!("{} cannot be locked; DATA_DIR must be writable", "{} 无法加锁；DATA_DIR 须可写", path.display());
    let open = || OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
    let held = || {
        let mut pid = String::new();
        open().and_then(|mut file| file.read_to_string(&mut pid)).ok();
        let holder = if pid.is_empty() { String::new() } else { t!(" (process {pid})", "（进程 {pid}）") };
        Failure::Locked { path: path.display().to_string(), holder }
    };
    // a lock on a file is gone with the file; one on the folder is not
    let folder = match lock::take(File::open(&config.data_dir).with_context(cannot)?) {
        Ok(None) => return Err(held().into()),
        Ok(lock) => lock,
        Err(error) => {
            tracing::debug!("{} cannot be locked: {error}", config.data_dir.display());
            None
        }
    };
    let mut file = open().with_context(cannot)?;
    let lock = lock::take(file.try_clone().with_context(cannot)?).with_context(cannot)?.ok_or_else(held)?;
    file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).with_context(cannot)?;
    Ok(RunLock { _folder: folder, _file: lock })
}

/// Whether some process runs the pipeline now.
pub fn is_run_lock_held(config: &Config) -> bool {
    lock::is_held(&config.data_dir) || lock::is_held(&path(config))
}

/// The process that holds the lock, as far as it says so; `None` where nobody does.
pub fn run_lock_holder(config: &Config) -> Option<u32> {
    let said = fs::read_to_string(path(config)).ok()?;
    said.trim().parse().ok().filter(|_| is_run_lock_held(config))
}

/// Removes the work copy that a killed run has left, which may be as large as the warehouse; nothing where a run goes on.
pub fn remove_left_work(config: &Config) {
    let work = work_path(config);
    let is_published = !config.metadata_dir().join(PUBLISHING).exists();
    if work.exists() && is_published && !is_run_lock_held(config) {
        let Ok(_lock) = take_run_lock(config) else { return };
        match remove_work(&work) {
            Ok(()) => tracing::info!("{}, left by a run that was killed, is removed", work.display()),
            Err(error) => tracing::warn!("{error:#}"),
        }
        scratch::sweep(&config.data_dir);
    }
}

//! One run at a time: a lock on a file, which the system gives back when the process ends, however it ends.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Write};

use anyhow::{Context, Result};

use crate::config::Config;
use crate::failure::Failure;

/// The lock, held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock, or fails with [`Failure::Locked`] naming the process that holds it.
pub fn take(config: &Config) -> Result<Lock> {
    let dir = config.metadata_dir();
    fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made; DATA_DIR must be writable", dir.display()))?;
    let path = dir.join("run.lock");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("{} cannot be opened; DATA_DIR must be writable", path.display()))?;
    match file.try_lock() {
        Ok(()) => {
            file.set_len(0)?;
            write!(file, "{}", std::process::id())?;
            Ok(Lock { _file: file })
        }
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            file.read_to_string(&mut pid).ok();
            let holder = if pid.is_empty() { String::new() } else { format!(" (process {pid})") };
            Err(Failure::Locked { path: path.display().to_string(), holder }.into())
        }
        Err(TryLockError::Error(e)) => Err(e).with_context(|| format!("{} cannot be locked", path.display())),
    }
}

/// Whether some process holds the lock now.
pub fn is_held(config: &Config) -> bool {
    File::open(config.metadata_dir().join("run.lock"))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

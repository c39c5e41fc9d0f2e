//! Locks between processes. The system gives a lock back when its process ends, however it ends; a lock on a folder also
//! holds where somebody removes the files in it.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::common::language::t;

/// How long somebody who only looks may hold a lock.
const LOOKING: Duration = Duration::from_secs(1);

/// A lock, held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lock of a file or a folder, waiting for whoever holds it.
///
/// # Errors
/// It cannot be opened or locked.
pub fn wait(path: &Path) -> Result<Lock> {
    let file = File::open(path).with_context(|| t!("{} cannot be opened", "{} 无法打开", path.display()))?;
    file.lock().with_context(|| t!("{} cannot be locked", "{} 无法加锁", path.display()))?;
    Ok(Lock { _file: file })
}

/// Takes the lock of an open file or folder; `None` where another process holds it for more than a moment.
///
/// # Errors
/// It cannot be locked at all, as on some file systems of a network.
pub fn take(file: File) -> std::io::Result<Option<Lock>> {
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(Some(Lock { _file: file })),
            Err(TryLockError::WouldBlock) if since.elapsed() < LOOKING => std::thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

/// Whether some process holds the lock of a file or a folder now.
pub fn is_held(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

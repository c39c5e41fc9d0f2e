//! The duty of the process that schedules: one a DATA_DIR, for as long as it holds the lock.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::time::SystemTime;

use anyhow::{Context, Result};
use chrono::TimeDelta;

use super::children::Children;
use super::file;
use super::scheduler::Scheduler;
use crate::common::errors::{Failure, describe};
use crate::common::files;
use crate::common::language::t;
use crate::common::lock::{self, Lock};
use crate::config::Config;
use crate::operations::{Clock, Stop};
use crate::warehouse::ScheduleState;

/// After how long it is looked again where something went wrong, or another process schedules.
const LATER: TimeDelta = TimeDelta::seconds(10);
/// How often is looked whether the file of jobs has changed.
const CHANGES: TimeDelta = TimeDelta::seconds(1);

fn lock_path(config: &Config) -> PathBuf {
    config.operations_dir().join("schedule.lock")
}

fn open_lock(config: &Config) -> Result<File> {
    files::make_dir(&config.operations_dir())?;
    let path = lock_path(config);
    let open = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
    open.with_context(|| t!("{} cannot be opened", "{} 无法打开", path.display()))
}

/// Takes the lock; `None` where another process holds it.
fn take_lock(config: &Config) -> Result<Option<Lock>> {
    let mut file = open_lock(config)?;
    let cannot = || t!("{} cannot be locked", "{} 无法加锁", lock_path(config).display());
    let Some(lock) = lock::take(file.try_clone().with_context(cannot)?).with_context(cannot)? else { return Ok(None) };
    file.set_len(0).and_then(|()| write!(file, "{}", std::process::id())).with_context(cannot)?;
    Ok(Some(lock))
}

/// Whether this process may schedule: the jobs can be read, and no other process schedules.
///
/// # Errors
/// [`Failure::SecondScheduler`], naming the process; the file of jobs cannot be used.
pub fn require_free(config: &Config) -> Result<()> {
    file::read(config)?;
    if take_lock(config)?.is_some() {
        return Ok(());
    }
    let mut holder = String::new();
    open_lock(config)?.read_to_string(&mut holder).ok();
    Err(Failure::SecondScheduler { path: lock_path(config).display().to_string(), holder }.into())
}

/// When and how long the file of jobs is; nothing where there is none.
fn written(config: &Config) -> Option<(SystemTime, u64)> {
    let about = |about: Metadata| Some((about.modified().ok()?, about.len()));
    std::fs::metadata(file::place(config)).ok().and_then(about)
}

/// Schedules until told to stop; takes over where another process does so and ends.
///
/// # Errors
/// The jobs or their state cannot be read at the start.
pub fn attend(config: &Config, clock: &dyn Clock, stop: &Stop) -> Result<()> {
    let mut is_told = false;
    let _lock = loop {
        match take_lock(config) {
            Ok(Some(lock)) => break lock,
            Ok(None) if !is_told => tracing::warn!("another process schedules; this one waits until it ends"),
            Ok(None) => {}
            Err(error) => tracing::error!("{}", describe(&error)),
        }
        is_told = true;
        if clock.wait(clock.now() + LATER, stop) {
            return Ok(());
        }
    };
    let mut seen = written(config);
    let state = ScheduleState::read_own(config)?.unwrap_or_default();
    let mut scheduler = Scheduler::new(file::read(config)?, state, clock, Children::new(config));
    while !stop.is_told() {
        let now = written(config);
        if now != seen {
            seen = now;
            match file::read(config) {
                Ok(jobs) => {
                    tracing::info!("{} jobs are scheduled from now on", jobs.len());
                    scheduler.take(jobs);
                }
                Err(error) => tracing::error!("the jobs stay as they were: {}", describe(&error)),
            }
        }
        let next = scheduler.look().unwrap_or_else(|error| {
            tracing::error!("{}", describe(&error));
            clock.now() + LATER
        });
        clock.wait(next.min(clock.now() + CHANGES), stop);
    }
    scheduler.end()
}

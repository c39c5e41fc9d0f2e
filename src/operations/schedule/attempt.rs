//! One try of a job, as a process of its own (`nearset schedule run`): runs the command, ends it where it takes too long or
//! somebody says so, and leaves a mark of how it ended. So that is known whatever becomes of the scheduler meanwhile.

use std::fs;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use rustix::process::{Pid, Signal, kill_process_group};
use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::file;
use super::job::{Job, slot_text};
use super::scheduler::How;
use crate::common::language::{either, t};
use crate::common::{files, likeness, priority};
use crate::config::Config;
use crate::operations::program;
use crate::warehouse::{JobEnd, ScheduleState};

/// How long a command that is told to stop may take before it is killed.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// How often the command is looked at.
const GLANCE: Duration = Duration::from_millis(50);

/// What a try says of itself.
#[derive(Debug, Serialize, Deserialize)]
pub struct Mark {
    /// Its process.
    pub pid: u32,
    /// When that began, by the machine's count.
    pub born: u64,
    /// How it ended; nothing while it goes on.
    pub end: Option<MarkEnd>,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MarkEnd {
    /// When.
    pub at: DateTime<Utc>,
    /// The command's exit code; none where a signal ended it, or it could not be started.
    pub code: Option<i32>,
    /// That signal.
    pub signal: Option<i32>,
    /// It took too long.
    pub is_too_long: bool,
    /// It was told to stop.
    pub is_interrupted: bool,
    /// Why it could not be started.
    pub error: Option<String>,
}

impl MarkEnd {
    /// In what way that is.
    pub fn how(&self) -> How {
        match self {
            Self { is_interrupted: true, .. } => How::Interrupted,
            Self { is_too_long: true, .. } => How::TimedOut,
            Self { code: Some(code), .. } => How::Exited(*code),
            _ => How::Broken,
        }
    }

    /// What a process says that ends so.
    pub fn exit_code(&self) -> i32 {
        self.code.or(self.signal.map(|signal| 128 + signal)).unwrap_or(1)
    }
}

/// When a process began, by the machine's count; none where there is no such process.
pub fn born(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // the name, in brackets, may hold anything
    status.rsplit_once(") ")?.1.split(' ').nth(19)?.parse().ok()
}

/// Runs a job's command now, for a slot. How it ended is left at `mark` where the scheduler asks for it, else among what was
/// run by hand.
///
/// # Errors
/// There is no such job, or it cannot be noted how it ended.
pub fn attempt(config: &Config, name: &str, slot: DateTime<Utc>, mark: Option<&Path>) -> Result<MarkEnd> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context(either("signals cannot be waited for", "无法等待信号"))?;
    let jobs = file::read(config)?;
    let Some(job) = jobs.iter().find(|job| job.name == name) else {
        let hint = likeness::hint(name, jobs.iter().map(|job| job.name.as_str()));
        let path = file::place(config);
        bail!(t!("no job in {} is called {name}{hint}", "{} 中没有名为 {name} 的任务{hint}", path.display()))
    };
    if mark.is_some() {
        give_way();
    }
    let pid = std::process::id();
    let keep = |path: &Path, end: Option<MarkEnd>| {
        files::write(path, &serde_json::to_vec(&Mark { pid, born: born(pid).unwrap_or_default(), end })?)
    };
    if let Some(path) = mark {
        keep(path, None)?;
    }
    let began = Utc::now();
    let end = run(job, slot, &mut signals);
    match mark {
        Some(path) => keep(path, Some(end.clone()))?,
        None => note_by_hand(config, job, slot, began, &end)?,
    }
    Ok(end)
}

/// A server on this machine goes first, and is the last that is ended where memory runs out.
fn give_way() {
    priority::low_of_process();
    if let Err(error) = fs::write("/proc/self/oom_score_adj", "500") {
        tracing::debug!("what is ended where memory runs out stays as it is: {error}");
    }
}

fn run(job: &Job, slot: DateTime<Utc>, signals: &mut Signals) -> MarkEnd {
    let ended = |code, signal, error| MarkEnd {
        at: Utc::now(),
        code,
        signal,
        is_too_long: false,
        is_interrupted: false,
        error,
    };
    let mut words = job.words(slot);
    let program = if job.is_own() { program::path() } else { PathBuf::from(words.remove(0)) };
    if job.is_own() {
        words.remove(0);
    }
    let flags = if job.is_own() { program::flags() } else { Vec::new() };
    let child = Command::new(&program)
        .args(flags)
        .args(words)
        .env("NEARSET_JOB", &job.name)
        .env("NEARSET_SLOT", slot_text(slot))
        .stdin(Stdio::null())
        .process_group(0)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return ended(None, None, Some(format!("{} cannot be started: {error}", program.display()))),
    };
    let limit = job.timeout.to_std().unwrap_or_default();
    let began = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => {
                // whoever ends a service tells all its processes at once
                let is_interrupted = !status.success() && signals.pending().next().is_some();
                return MarkEnd { is_interrupted, ..ended(status.code(), status.signal(), None) };
            }
            Ok(None) => {}
            Err(error) => return ended(None, None, Some(format!("it cannot be waited for: {error}"))),
        }
        let is_interrupted = signals.pending().next().is_some();
        let is_too_long = began.elapsed() > limit;
        if is_interrupted || is_too_long {
            let status = stop(&mut child);
            return MarkEnd { is_too_long, is_interrupted, ..ended(status, None, None) };
        }
        std::thread::sleep(GLANCE);
    }
}

/// Tells a command and all that it started to stop, and kills what does not.
fn stop(child: &mut Child) -> Option<i32> {
    let group = Pid::from_child(child);
    let tell = |signal| {
        // those that have ended need not be told
        kill_process_group(group, signal).ok();
    };
    tell(Signal::TERM);
    let told = Instant::now();
    while told.elapsed() < PATIENCE {
        if let Ok(Some(status)) = child.try_wait() {
            tell(Signal::KILL);
            return status.code();
        }
        std::thread::sleep(GLANCE);
    }
    tell(Signal::KILL);
    child.wait().ok().and_then(|status| status.code())
}

fn note_by_hand(config: &Config, job: &Job, slot: DateTime<Utc>, began: DateTime<Utc>, end: &MarkEnd) -> Result<()> {
    let outcome = end.how().outcome(job);
    let error = end.error.clone().or_else(|| (end.exit_code() != 0).then(|| format!("exit code {}", end.exit_code())));
    let done = JobEnd { slot, began, ended: end.at, outcome, error };
    files::write(&ScheduleState::by_hand_path(config, &job.name), &serde_json::to_vec(&done)?)
}

//! Tries as child processes, their logs, and the state on disk.
//!
//! DATA_DIR/operations/jobs/JOB/: `SLOT.log` is what a slot's tries said, `SLOT-TRY.json` the mark of a try until its end is
//! kept. A try holds the lock of its log as long as anything of it lives, so whoever looks sees that it does, without
//! asking which process that is.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use chrono::{DateTime, TimeDelta, Utc};
use rustix::process::{Pid, Signal, kill_process};

use super::attempt::{Mark, MarkEnd, PATIENCE, born};
use super::job::slot_text;
use super::scheduler::{End, How, Sight, Try, World};
use crate::common::language::t;
use crate::common::secrets::scrub;
use crate::common::terminal::harmless;
use crate::common::{files, lock};
use crate::config::Config;
use crate::operations::program;
use crate::warehouse::{ScheduleState, slot_stamp};

/// How much of a log's end is looked through for its last line.
const LAST_LINE: u64 = 4096;
/// The longest line of a log that is told.
const TOLD: usize = 500;

/// The world of one DATA_DIR.
pub struct Children<'a> {
    config: &'a Config,
    /// Those that this process has to wait for once they end.
    own: HashMap<Try, Child>,
}

impl<'a> Children<'a> {
    /// Nothing is under way yet that this process began.
    pub fn new(config: &'a Config) -> Self {
        // an upgrade may replace the file later
        program::path();
        Self { config, own: HashMap::new() }
    }

    fn mark_path(&self, one: &Try) -> PathBuf {
        let name = format!("{}-{}.json", slot_stamp(one.slot), one.number);
        ScheduleState::job_dir(self.config, &one.job).join(name)
    }

    fn mark(&self, one: &Try) -> Result<Option<Mark>> {
        let path = self.mark_path(one);
        let Some(bytes) = files::read(&path)? else { return Ok(None) };
        serde_json::from_slice(&bytes)
            .map(Some)
            .with_context(|| t!("{} cannot be understood", "{} 无法理解", path.display()))
    }

    /// How a try says that it ended.
    fn end(&self, one: &Try) -> Result<Option<End>> {
        let Some(Mark { end: Some(end), .. }) = self.mark(one)? else { return Ok(None) };
        let error = if end.code == Some(0) { String::new() } else { self.what_went_wrong(one, &end) };
        Ok(Some(End { at: end.at, how: end.how(), error }))
    }

    fn what_went_wrong(&self, one: &Try, end: &MarkEnd) -> String {
        let what = match (end, end.how()) {
            (MarkEnd { error: Some(error), .. }, _) => error.clone(),
            (_, How::TimedOut) => "it took too long and was ended".to_owned(),
            (_, How::Interrupted) => "it was told to stop".to_owned(),
            (MarkEnd { signal: Some(signal), .. }, _) => format!("signal {signal} ended it"),
            _ => format!("exit code {}", end.exit_code()),
        };
        match last_line(&log_path(self.config, &one.job, one.slot)) {
            Some(line) => format!("{what}: {line}"),
            None => what,
        }
    }

    /// Tells a try's process to stop; false where it is not known, or is another by now.
    fn tell(&self, one: &Try) -> bool {
        let Ok(Some(Mark { pid, born: at, end: None })) = self.mark(one) else { return false };
        let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
        process.is_some_and(|process| born(pid) == Some(at) && kill_process(process, Signal::TERM).is_ok())
    }
}

impl World for Children<'_> {
    fn begin(&mut self, one: &Try) -> Result<()> {
        let path = log_path(self.config, &one.job, one.slot);
        files::make_dir(&ScheduleState::job_dir(self.config, &one.job))?;
        let cannot = || t!("{} cannot be written", "{} 无法写入", path.display());
        let mut log = OpenOptions::new().create(true).append(true).open(&path).with_context(cannot)?;
        let ours = log.try_clone().with_context(cannot)?;
        let Some(_lock) = lock::take(ours).with_context(cannot)? else {
            bail!(t!(
                "something that an earlier try began still holds {}",
                "此前一次尝试启动的进程仍占用 {}",
                path.display()
            ))
        };
        writeln!(log, "--- {} try {}", slot_text(Utc::now()), one.number).with_context(cannot)?;
        // the lock goes with the file that the child writes to
        let child = Command::new(program::path())
            .args(program::flags())
            .args(["schedule", "run", &one.job, "--slot", &slot_text(one.slot), "--mark"])
            .arg(self.mark_path(one))
            .stdin(Stdio::null())
            .stdout(log.try_clone().with_context(cannot)?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .with_context(|| t!("{} cannot be started", "{} 无法启动", program::path().display()))?;
        self.own.insert(one.clone(), child);
        Ok(())
    }

    fn look(&mut self, one: &Try) -> Result<Sight> {
        if let Some(child) = self.own.get_mut(one)
            && let Ok(None) = child.try_wait()
        {
            return Ok(Sight::UnderWay);
        }
        if let Some(end) = self.end(one)? {
            self.own.remove(one);
            return Ok(Sight::Ended(end));
        }
        if lock::is_held(&log_path(self.config, &one.job, one.slot)) {
            return Ok(Sight::UnderWay);
        }
        self.own.remove(one);
        // it may have ended between the two looks
        Ok(self.end(one)?.map_or(Sight::Gone, Sight::Ended))
    }

    fn stop(&mut self, one: &Try) {
        let told = Instant::now();
        let mut is_told = false;
        while told.elapsed() < PATIENCE * 2 && matches!(self.look(one), Ok(Sight::UnderWay)) {
            // one that begins right now has not said yet which process it is
            is_told = is_told || self.tell(one);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn forget(&mut self, one: &Try) {
        let swept = files::remove(&self.mark_path(one)).and_then(|()| self.sweep(&one.job));
        if let Err(error) = swept {
            tracing::warn!("{error:#}");
        }
    }

    fn keep(&mut self, state: &ScheduleState) -> Result<()> {
        files::write(&ScheduleState::path(self.config), &serde_json::to_vec_pretty(state)?)
    }
}

impl Children<'_> {
    /// Removes logs and marks that are kept no longer.
    fn sweep(&self, job: &str) -> Result<()> {
        let dir = ScheduleState::job_dir(self.config, job);
        let days = self.config.operations.keep.run_log_days;
        if days == 0 {
            return Ok(());
        }
        let cannot = || t!("{} cannot be read", "{} 无法读取", dir.display());
        for entry in fs::read_dir(&dir).with_context(cannot)? {
            let path = entry.with_context(cannot)?.path();
            let written = fs::metadata(&path).and_then(|about| about.modified()).map(DateTime::<Utc>::from);
            let is_by_hand = path == ScheduleState::by_hand_path(self.config, job);
            if !is_by_hand && written.is_ok_and(|at| Utc::now() - at > TimeDelta::days(days.into())) {
                files::remove(&path)?;
            }
        }
        Ok(())
    }
}

/// Where the log of a slot is.
pub fn log_path(config: &Config, job: &str, slot: DateTime<Utc>) -> PathBuf {
    ScheduleState::job_dir(config, job).join(format!("{}.log", slot_stamp(slot)))
}

/// The last line that somebody wrote to a log, without secrets.
fn last_line(path: &Path) -> Option<String> {
    let mut file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LAST_LINE))).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
    let line: String = harmless(&scrub(line)).chars().take(TOLD).collect();
    (!line.starts_with("--- ")).then_some(line)
}

//! Ending a run that goes on.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::look::find;
use super::record::{Record, host};
use crate::common::language::{either, t};
use crate::config::Config;
use crate::warehouse::{self, Outcome, PUBLISHING};

/// How long a run may take to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// No run goes on.
    NoneGoesOn,
    /// That run had ended before, as it says.
    HadEnded(String, Outcome),
    /// The run has ended, as it says: cancelled, or done where it was past the point of return already.
    Ended(String, Outcome),
}

/// Ends the run that goes on, by name where one is named, and waits until it has. Nothing of it is left then.
///
/// # Errors
/// It is being published, runs on another machine, may not be ended by this user or does not end.
pub fn cancel(config: &Config, id: &str) -> Result<Cancelled> {
    if id != "last" {
        let look = find(config, id)?;
        if look.outcome != Outcome::Running {
            return Ok(Cancelled::HadEnded(look.run, look.outcome));
        }
    }
    let Some(holder) = warehouse::run_lock_holder(config) else { return Ok(Cancelled::NoneGoesOn) };
    let run = find(config, id)?.run;
    let record = Record::read(config, &run)?.filter(|record| record.pid == holder);
    if let Some(record) = record.filter(|record| !record.is_alive_here()) {
        bail!(t!(
            "run {run} goes on as process {holder} of {}, and this is {}; cancel it there",
            "运行 {run} 是 {} 上的进程 {holder}，而本机是 {}；请在那里取消",
            record.host,
            host()
        ));
    }
    let is_past_return = config.metadata_dir().join(PUBLISHING).exists() && !warehouse::work_path(config).exists();
    if is_past_return {
        bail!(t!(
            "run {run} is published already and does what is left to do; it ends by itself in a moment",
            "运行 {run} 已经发布，正在收尾；它马上会自行结束"
        ));
    }
    let pid = i32::try_from(holder).ok().and_then(Pid::from_raw).context(either("no process", "进程号无效"))?;
    kill_process(pid, Signal::TERM).with_context(|| {
        t!("process {holder} of run {run} cannot be told to end", "无法通知运行 {run} 的进程 {holder} 结束")
    })?;
    let told = Instant::now();
    while warehouse::run_lock_holder(config) == Some(holder) {
        if told.elapsed() > PATIENCE {
            bail!(t!(
                "process {holder} of run {run} was told to end and has not yet; `kill -9 {holder}` ends it in any case, and the \
                 next run removes what it leaves",
                "已通知运行 {run} 的进程 {holder} 结束，但它尚未结束；`kill -9 {holder}` 可强制结束，残留由下次运行清除"
            ));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let look = find(config, &run)?;
    Ok(Cancelled::Ended(look.run, look.outcome))
}

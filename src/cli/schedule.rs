//! `nearset schedule`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{DateTime, Local, Utc};
use clap::{Args, Subcommand};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::common::language::{either, t};
use crate::common::terminal::{left, say};
use crate::config::{Config, parse_moment};
use crate::operations::schedule::{self, JobStanding, Standing};
use crate::operations::{self, Duties};

#[derive(Debug, Args)]
pub struct Schedule {
    #[command(subcommand)]
    what: Option<What>,
    /// List the jobs and end, as `schedule list`
    #[arg(long)]
    list: bool,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the jobs: how they stand, what they did last, when they run next
    #[command(after_help = super::examples::examples(&["schedule list", "schedule list --json"]))]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a job's command at once, beside its schedule
    #[command(after_help = super::examples::examples(&["schedule run daily_recommendation_report --slot 2026-10-16T20:00:00Z"]))]
    Run {
        /// The job's name
        job: String,
        /// The moment that it stands for, as 2026-10-28 or 2026-10-28T18:00:00Z; now, where none is named
        #[arg(long, value_name = "TIME", value_parser = parse_moment)]
        slot: Option<DateTime<Utc>>,
        /// Where the scheduler looks for how it ended
        #[arg(long, hide = true)]
        mark: Option<PathBuf>,
    },
}

impl Schedule {
    pub fn run(self, config: &Config) -> Result<()> {
        match self.what {
            Some(What::List { json }) => list(config, json),
            Some(What::Run { job, slot, mark }) => {
                let end = schedule::attempt(config, &job, slot.unwrap_or_else(Utc::now), mark.as_deref())?;
                if let Some(error) = &end.error {
                    eprintln!("nearset: {error}");
                }
                match end.exit_code() {
                    0 => Ok(()),
                    code => std::process::exit(code),
                }
            }
            None if self.list => list(config, false),
            None => attend(config),
        }
    }
}

/// Schedules until somebody ends it.
fn attend(config: &Config) -> Result<()> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context(either("signals cannot be waited for", "无法等待信号"))?;
    schedule::require_free(config)?;
    let duties = Duties::begin(config, operations::duties(config))?;
    let jobs = schedule::standing(config, Utc::now())?;
    for job in jobs.iter().filter(|job| job.state != Standing::Off) {
        tracing::info!("{} runs next at {}", job.name, job.next.map_or_else(String::new, |next| next.to_rfc3339()));
    }
    signals.forever().next();
    tracing::info!("stopping: what is under way is told to stop, and run again at the next start");
    duties.end();
    Ok(())
}

fn list(config: &Config, is_json: bool) -> Result<()> {
    let jobs = schedule::standing(config, Utc::now())?;
    if is_json {
        say!("{}", serde_json::to_string_pretty(&jobs)?);
        return Ok(());
    }
    let path = schedule::place(config);
    match path.exists() {
        true => say!("{}", t!("jobs of {}", "{} 中的任务", path.display())),
        false => say!("{}", t!("the usual jobs: there is no {}", "默认任务：{} 不存在", path.display())),
    }
    jobs.iter().for_each(print);
    Ok(())
}

fn print(job: &JobStanding) {
    say!("\n{}  {}", job.name, shown(job.state));
    let line = |what: &str, text: String| say!("  {}  {text}", left(what, 8));
    line(either("when", "时间"), format!("{} ({})", job.cron, job.zone));
    line(either("runs", "命令"), job.command.join(" "));
    if let Some(slot) = job.slot {
        line(either("in work", "处理中"), moment(slot, &job.zone));
    }
    if let Some(last) = &job.last {
        let seconds = (last.ended - last.began).as_seconds_f64();
        let outcome = serde_json::to_value(last.outcome).ok().and_then(|name| name.as_str().map(str::to_owned));
        let outcome = outcome.unwrap_or_default();
        line(
            either("last", "上次"),
            t!(
                "{}: {outcome} after {seconds:.1} s",
                "{}：{outcome}，用时 {seconds:.1} 秒",
                moment(last.slot, &job.zone)
            ),
        );
    }
    if let Some(error) = &job.error {
        line(either("failed", "失败"), error.clone());
    }
    if let Some(next) = job.next {
        line(either("next", "下次"), moment(next, &job.zone));
    }
}

/// A moment in the job's zone and on the clock of this machine.
fn moment(at: DateTime<Utc>, zone: &str) -> String {
    let there = zone.parse::<chrono_tz::Tz>().map(|zone| at.with_timezone(&zone).format("%F %T %Z").to_string());
    let here = at.with_timezone(&Local).format("%F %T %:z");
    t!("{} (here {here})", "{}（本机 {here}）", there.unwrap_or_default())
}

fn shown(state: Standing) -> &'static str {
    match state {
        Standing::Waiting => either("waits for its slot", "等待下次"),
        Standing::Failed => either("failed", "失败"),
        Standing::Running => either("running", "运行中"),
        Standing::WaitsForLock => either("waits for another run", "等待另一次运行"),
        Standing::WaitsForRetry => either("failed, is tried again", "失败，等待重试"),
        Standing::Due => either("due", "已到时间"),
        Standing::Off => either("off", "已停用"),
        Standing::New => either("not scheduled yet", "尚未调度"),
    }
}

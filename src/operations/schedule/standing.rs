//! How the jobs stand, and what is wrong with them.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::file;
use super::job::{Job, slot_text};
use crate::common::language::{either, t};
use crate::config::Config;
use crate::operations::{Alert, Severity, schedule::log_path};
use crate::warehouse::{JobEnd, JobState, ScheduleState, Wait};

/// For how long a scheduler may not have looked.
const SILENCE: TimeDelta = TimeDelta::minutes(10);
/// How long a job is thought to take that was never done.
const UNKNOWN_LENGTH: f64 = 3.0 * 3600.0;
/// How late a job may be besides twice its usual length.
const PATIENCE: TimeDelta = TimeDelta::minutes(30);
/// How far ahead of the clock a slot may be that counts as done.
const AHEAD: TimeDelta = TimeDelta::days(1);

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It waits for its next slot, and nothing is wrong.
    Waiting,
    /// It has not ended well since it last did.
    Failed,
    /// It goes on.
    Running,
    /// A slot of it waits for a run that goes on.
    WaitsForLock,
    /// A slot of it failed and is tried again.
    WaitsForRetry,
    /// A slot of it has come and waits for its turn.
    Due,
    /// It is switched off.
    Off,
    /// No scheduler has taken it up yet.
    New,
}

/// A job as it stands.
#[derive(Clone, Debug, Serialize)]
pub struct JobStanding {
    /// Its name.
    pub name: String,
    /// The cron expression.
    pub cron: String,
    /// Its zone.
    pub zone: String,
    /// What it runs.
    pub command: Vec<String>,
    /// How it stands.
    pub state: Standing,
    /// How its last try ended.
    pub last: Option<JobEnd>,
    /// When it last ended well.
    pub succeeded: Option<DateTime<Utc>>,
    /// The slot in work.
    pub slot: Option<DateTime<Utc>>,
    /// The next slot.
    pub next: Option<DateTime<Utc>>,
    /// How long it usually takes.
    pub usual_seconds: Option<f64>,
    /// Why it has not ended well since it last did.
    pub error: Option<String>,
}

/// How all jobs of the schedule stand, in the order of their file.
///
/// # Errors
/// The file of jobs or their state cannot be read.
pub fn standing(config: &Config, now: DateTime<Utc>) -> Result<Vec<JobStanding>> {
    let state = ScheduleState::read(config)?.unwrap_or_default();
    Ok(file::read(config)?.iter().map(|job| job_standing(job, state.jobs.get(&job.name), now)).collect())
}

fn job_standing(job: &Job, state: Option<&JobState>, now: DateTime<Utc>) -> JobStanding {
    let next = state.filter(|state| !state.rhythm.is_empty()).and_then(|state| state.next);
    JobStanding {
        name: job.name.clone(),
        cron: job.rhythm.cron().to_owned(),
        zone: job.rhythm.zone().to_string(),
        command: job.command.clone(),
        state: state_of(job, state),
        last: state.and_then(|state| state.last.clone()),
        succeeded: state.and_then(|state| state.succeeded),
        slot: state.and_then(|state| Some(state.work.as_ref()?.slot)),
        next: if job.is_enabled { next.or_else(|| job.rhythm.after(now)) } else { None },
        usual_seconds: state.and_then(|state| state.usual_seconds),
        error: state.and_then(|state| Some(state.failure.as_ref()?.error.clone())),
    }
}

fn state_of(job: &Job, state: Option<&JobState>) -> Standing {
    let Some(state) = state else { return if job.is_enabled { Standing::New } else { Standing::Off } };
    match &state.work {
        Some(work) if work.began.is_some() => Standing::Running,
        _ if !job.is_enabled => Standing::Off,
        Some(work) if work.waits_for == Some(Wait::Lock) => Standing::WaitsForLock,
        Some(work) if work.waits_for == Some(Wait::Retry) => Standing::WaitsForRetry,
        Some(_) => Standing::Due,
        None if state.failure.is_some() => Standing::Failed,
        None => Standing::Waiting,
    }
}

/// Since when no scheduler has looked, where one should.
pub fn has_stopped(state: &ScheduleState, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    state.scheduler.and(state.looked).filter(|looked| now - *looked > SILENCE)
}

/// What is wrong with the jobs now: `JobFailed` from a failure until the job has ended well again, `RunLate`.
///
/// # Errors
/// The state cannot be read.
pub fn alerts(config: &Config, now: DateTime<Utc>) -> Result<Vec<Alert>> {
    let Some(state) = ScheduleState::read(config)? else { return Ok(Vec::new()) };
    Ok(alerts_of(&state, now, |job, slot| log_path(config, job, slot).display().to_string()))
}

/// The same of a state.
pub fn alerts_of(state: &ScheduleState, now: DateTime<Utc>, log: impl Fn(&str, DateTime<Utc>) -> String) -> Vec<Alert> {
    let mut alerts: Vec<Alert> = has_stopped(state, now).map(|since| silent(state, since, now)).into_iter().collect();
    for (name, job) in &state.jobs {
        if let Some(failure) = &job.failure {
            let what_next = match failure.is_final {
                true => either("It is not tried again before its next slot", "下次排定时间之前不再重试"),
                false => either("It is tried again", "会再重试"),
            };
            alerts.push(Alert {
                name: "JobFailed".to_owned(),
                subject: name.clone(),
                severity: if failure.is_final { Severity::Critical } else { Severity::Warning },
                summary: t!(
                    "{name} failed for {}: {}",
                    "{name} 在 {} 这一次失败：{}",
                    slot_text(failure.slot),
                    failure.error
                ),
                description: t!(
                    "{what_next}; it fails since {}. Its log is {}; `nearset schedule run {name}` runs it at once.",
                    "{what_next}；自 {} 起一直失败。日志在 {}；`nearset schedule run {name}` 可立即运行。",
                    slot_text(failure.since),
                    log(name, failure.slot)
                ),
                labels: BTreeMap::from([("job".to_owned(), name.clone())]),
            });
        }
        // where nobody schedules, and should or should not, no job is late by itself
        if state.scheduler.is_some() && has_stopped(state, now).is_none() {
            alerts.extend(late(name, job, now).or_else(|| ahead(name, job, now)));
        }
    }
    alerts
}

fn run_late(subject: &str, severity: Severity, summary: String, description: String) -> Alert {
    let labels =
        if subject.is_empty() { BTreeMap::new() } else { BTreeMap::from([("job".to_owned(), subject.to_owned())]) };
    Alert { name: "RunLate".to_owned(), subject: subject.to_owned(), severity, summary, description, labels }
}

/// The scheduler does not look.
fn silent(state: &ScheduleState, since: DateTime<Utc>, now: DateTime<Utc>) -> Alert {
    let is_due = |job: &JobState| job.work.is_some() || job.next.is_some_and(|next| next <= now);
    let due: Vec<&str> = state.jobs.iter().filter(|(_, job)| is_due(job)).map(|(name, _)| name.as_str()).collect();
    let due = match due.is_empty() {
        true => t!("Nothing is due yet", "目前没有到期的任务"),
        false => t!("Due: {}", "到期：{}", due.join(", ")),
    };
    let summary = t!("the scheduler has not looked since {}", "调度器自 {} 起没有再查看", slot_text(since));
    let description = t!(
        "{due}. Start `nearset schedule` or `nearset serve --schedule` again: what was missed is made up for. If it is \
         meant to be off, start it once and end it with SIGTERM.",
        "{due}。请重新启动 `nearset schedule` 或 `nearset serve --schedule`，错过的会补上。若本来就要停用，请启动一次再用 SIGTERM 结束。"
    );
    run_late("", Severity::Critical, summary, description)
}

/// A slot that should be done by now.
fn late(name: &str, job: &JobState, now: DateTime<Utc>) -> Option<Alert> {
    let work = job.work.as_ref()?;
    let usual = job.usual_seconds.unwrap_or(UNKNOWN_LENGTH);
    // one that is tried again has failed, which is told
    // one that was not begun yet may have to wait for its chance
    let since = if work.tries == 0 { work.due.max(work.noticed) } else { work.noticed };
    let is_late = now - since > TimeDelta::seconds((2.0 * usual) as i64) + PATIENCE;
    if !is_late || work.waits_for == Some(Wait::Retry) {
        return None;
    }
    let why = match (work.began, work.waits_for) {
        (Some(began), _) => t!("it is under way since {}", "自 {} 起正在运行", slot_text(began)),
        (None, Some(Wait::Lock)) => t!("it waits for another run, which holds the lock", "在等另一次运行释放锁"),
        (None, _) => t!("it waits for another job to end", "在等另一个任务结束"),
    };
    let summary = t!("{name} is not done for {}: {why}", "{name} 在 {} 这一次尚未完成：{why}", slot_text(work.slot));
    let description = t!(
        "It usually takes {:.0} min. `nearset schedule list` shows all jobs, `nearset runs` what goes on.",
        "通常需要 {:.0} 分钟。`nearset schedule list` 列出所有任务，`nearset runs` 显示正在进行的运行。",
        usual / 60.0
    );
    Some(run_late(name, Severity::Warning, summary, description))
}

/// Slots count as done that have not come: the clock was set back.
fn ahead(name: &str, job: &JobState, now: DateTime<Utc>) -> Option<Alert> {
    let is_ahead = !job.rhythm.is_empty() && job.through - now > AHEAD;
    is_ahead.then(|| {
        let summary = t!(
            "{name} does not run before {}: the clock was set back",
            "{name} 在 {} 之前不会运行：时钟被调回",
            slot_text(job.through)
        );
        let description = t!(
            "Its slots up to then have been run. Where the clock was wrong before, stop the scheduler, take the job out of \
             DATA_DIR/operations/schedule.json, and start it again.",
            "在那之前的各次都已运行。若之前的时钟有误，请停止调度器，从 DATA_DIR/operations/schedule.json 中去掉该任务，再重新启动。"
        );
        run_late(name, Severity::Warning, summary, description)
    })
}

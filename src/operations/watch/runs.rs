//! What became of the last run that came to its end.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};

use crate::common::language::t;
use crate::config::Config;
use crate::operations::{Alert, Severity};
use crate::warehouse::{self, Outcome, RunLine, run_history_path};

/// How much of the history's end is read: some two hundred runs.
const READ: u64 = 1 << 18;

/// A run as its lines tell it.
struct Told {
    run: String,
    outcome: Option<Outcome>,
    /// The step that failed, or the last that was done.
    step: String,
    error: String,
}

/// A run that failed, a check that refused, a model that was held back.
///
/// # Errors
/// The history is there and cannot be read.
pub fn alerts(config: &Config, _now: DateTime<Utc>) -> Result<Vec<Alert>> {
    let is_running = warehouse::is_run_lock_held(config);
    Ok(last_ended(&history(config)?, is_running).and_then(alert_of).into_iter().collect())
}

fn history(config: &Config) -> Result<String> {
    let path = run_history_path(config);
    if !path.exists() {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    File::open(&path)
        .and_then(|mut file| {
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(READ)))?;
            file.take(READ).read_to_end(&mut bytes)
        })
        .with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The last run that has ended, by itself or by a kill: while one goes on, and where somebody cancelled it, what became of the
/// one before still counts.
fn last_ended(text: &str, is_running: bool) -> Option<Told> {
    let mut runs: Vec<Told> = Vec::new();
    for line in text.lines().filter_map(|line| serde_json::from_str::<RunLine>(line.trim()).ok()) {
        if let RunLine::Started { run, .. } = &line {
            runs.push(Told { run: run.clone(), outcome: None, step: String::new(), error: String::new() });
        }
        let Some(told) = runs.last_mut().filter(|told| told.run == line.run()) else { continue };
        match line {
            RunLine::Step { step, .. } => told.step = step,
            RunLine::Ended { error, outcome, .. } => {
                let failed = if error.is_some() { Outcome::Failed } else { Outcome::Done };
                told.outcome = Some(outcome.unwrap_or(failed));
                told.error = error.unwrap_or_default();
            }
            RunLine::Started { .. } => {}
        }
    }
    if is_running && runs.last().is_some_and(|told| told.outcome.is_none()) {
        runs.pop();
    }
    runs.into_iter().rfind(|told| told.outcome != Some(Outcome::Cancelled))
}

fn alert_of(told: Told) -> Option<Alert> {
    let Told { run, outcome, step, error } = told;
    let (name, severity, summary, todo) = match outcome.unwrap_or(Outcome::Killed) {
        Outcome::Failed => (
            "RunFailed",
            Severity::Critical,
            t!(
                "run {run} failed at step {step}; nothing was published",
                "运行 {run} 在步骤 {step} 失败，未发布任何内容"
            ),
            t!("mend it and run again: `nearset run`", "修复后重新运行：`nearset run`"),
        ),
        Outcome::Incomplete => (
            "RunFailed",
            Severity::Critical,
            t!("run {run} published the warehouse and not all that goes with it", "运行 {run} 已发布仓库，但未收尾"),
            t!("the next run completes it: `nearset run`", "下次运行会补全：`nearset run`"),
        ),
        Outcome::Killed => (
            "RunFailed",
            Severity::Critical,
            t!("run {run} was ended from outside, after step {step}", "运行 {run} 被外部终止（步骤 {step} 之后）"),
            t!(
                "was the machine out of memory, or restarted? `journalctl -k` says so; then run again: `nearset run`",
                "是否内存不足或机器重启？见 `journalctl -k`；然后重新运行：`nearset run`"
            ),
        ),
        Outcome::Refused => (
            "GateRefused",
            Severity::Critical,
            t!("a check refused run {run}; nothing was published", "检查未通过，运行 {run} 未发布任何内容"),
            t!(
                "lists and figures are those of the run before; look at the rows that the check names",
                "列表与指标仍是上一次运行的；请查看检查所指的行"
            ),
        ),
        Outcome::HeldBack => (
            "ModelHeldBack",
            Severity::Warning,
            t!(
                "the new model of run {run} is clearly worse and does not answer",
                "运行 {run} 的新模型明显更差，未予启用"
            ),
            t!(
                "`nearset models list` shows the figures; `nearset models promote VERSION` takes it all the same",
                "`nearset models list` 查看指标；`nearset models promote VERSION` 可仍然启用"
            ),
        ),
        _ => return None,
    };
    let description = if error.is_empty() { todo } else { format!("{error}\n{todo}") };
    Some(Alert {
        name: name.to_owned(),
        subject: String::new(),
        severity,
        summary,
        description,
        labels: [("run".to_owned(), run), ("step".to_owned(), step)].into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(run: &str, ended: Option<&str>) -> String {
        let at = "2026-10-14T00:00:00Z";
        let ended = ended.map(|rest| {
            format!(r#"{{"event":"ended","run":"{run}","at":"{at}","seconds":1.0,"peak_bytes":9,{rest}}}"#)
        });
        format!(
            "{{\"event\":\"started\",\"run\":\"{run}\",\"at\":\"{at}\",\"as_of\":\"{at}\",\"steps\":[]}}\n\
             {{\"event\":\"step\",\"run\":\"{run}\",\"step\":\"train\",\"at\":\"{at}\",\"seconds\":1,\"rows\":0,\"error\":\"full\"}}\n{}\n",
            ended.unwrap_or_default()
        )
    }

    #[test]
    fn the_last_run_that_ended_counts_while_another_goes_on() {
        let name = |text: &str, running| last_ended(text, running).and_then(alert_of).map(|alert| alert.name);
        let failed = lines("1", Some(r#""error":"the disk is full","outcome":"failed""#));
        assert_eq!(name(&failed, false).as_deref(), Some("RunFailed"));
        let again = format!("{failed}{}", lines("2", None));
        assert_eq!(name(&again, true).as_deref(), Some("RunFailed"), "of the first");
        let killed = last_ended(&again, false).and_then(alert_of).map(|alert| alert.summary);
        assert_eq!(killed.as_deref(), Some("run 2 was ended from outside, after step train"));
        for (rest, expected) in [
            (r#""error":null,"outcome":"done""#, None),
            (r#""error":"x","outcome":"refused""#, Some("GateRefused")),
            (r#""error":"x","outcome":"held_back""#, Some("ModelHeldBack")),
            (r#""error":"x","outcome":"incomplete""#, Some("RunFailed")),
            (r#""error":"x","outcome":"cancelled""#, Some("RunFailed")),
        ] {
            assert_eq!(name(&format!("{failed}{}", lines("2", Some(rest))), false).as_deref(), expected, "{rest}");
        }
        assert_eq!(name("", false), None);
    }
}

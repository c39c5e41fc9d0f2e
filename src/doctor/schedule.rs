//! The schedule: its file, and whether somebody goes by it.

use anyhow::Result;
use chrono::Utc;

use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::config::Config;
use crate::operations::schedule::{self, has_stopped};
use crate::warehouse::ScheduleState;

/// The jobs, and what is wrong with them.
///
/// # Errors
/// Their file or their state cannot be used; a scheduler does not start with it.
pub fn jobs(config: &Config) -> Result<Finding> {
    let (path, now) = (schedule::place(config), Utc::now());
    let jobs = schedule::standing(config, now)?;
    let state = ScheduleState::read(config)?;
    let count = jobs.len();
    let mut text = match path.exists() {
        true => t!("{count} jobs in {}", "{} 中有 {count} 个任务", path.display()),
        false => t!("the usual {count} jobs: there is no {}", "默认的 {count} 个任务：{} 不存在", path.display()),
    };
    let mut verdict = Verdict::Fine;
    let mut add = |problem: String| {
        verdict = Verdict::Odd;
        text += &format!("\n{problem}");
    };
    if let Some(since) = state.as_ref().and_then(|state| has_stopped(state, now)) {
        add(t!(
            "the scheduler has not looked since {}: start `nearset schedule` or `nearset serve --schedule` again",
            "调度器自 {} 起没有动静：请重新启动 `nearset schedule` 或 `nearset serve --schedule`",
            since.format("%F %T UTC")
        ));
    }
    for (job, error) in jobs.iter().filter_map(|job| Some((job, job.error.as_ref()?))) {
        add(t!("{} failed: {error}", "{} 失败：{error}", job.name));
    }
    Ok(Finding::new(verdict, "schedule", text))
}

//! `nearset runs show`.

use anyhow::Result;
use clap::Args;

use crate::common::language::{either, t};
use crate::common::progress::grouped;
use crate::common::terminal::say;
use crate::config::Config;
use crate::operations::run_log::{self, Look, StartedBy, Step};
use crate::pipeline::shown_state;
use crate::warehouse::Outcome;

#[derive(Debug, Args)]
pub struct Show {
    /// The run's id or its beginning, or `last`
    #[arg(default_value = "last")]
    run: String,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Show {
    pub fn run(self, config: &Config) -> Result<()> {
        let look = run_log::look(config, &self.run)?;
        if self.json {
            say!("{}", serde_json::to_string_pretty(&look)?);
            return Ok(());
        }
        for line in head(&look).into_iter().chain(look.steps.iter().flat_map(step)).chain(end(&look)) {
            say!("{line}");
        }
        Ok(())
    }
}

/// What it was.
fn head(look: &Look) -> Vec<String> {
    let name = shown_state(look.outcome.name());
    let mut lines = vec![t!("run {}: {name}", "运行 {}：{name}", look.run)];
    let time = |moment: chrono::DateTime<chrono::Utc>| moment.format("%Y-%m-%d %H:%M:%S UTC").to_string();
    if let (Some(started), Some(as_of)) = (look.started, look.as_of) {
        lines.push(t!("  began {}, as of {}", "  开始于 {}，时点 {}", time(started), time(as_of)));
    }
    if let Some(record) = &look.record {
        lines.push(t!(
            "  by {}, nearset {}, process {} of {}",
            "  发起：{}，nearset {}，{3} 上的进程 {2}",
            by(&record.started),
            record.nearset,
            record.pid,
            record.host
        ));
        let full = if record.asked.options.full_refresh { ", --full-refresh" } else { "" };
        lines.push(t!("  steps {}{full}", "  步骤 {}{full}", look.asked.join(", ")));
    }
    lines.extend(look.retries.iter().map(|what| t!("  another try of {what}", "  重试 {what}")));
    lines.extend(look.notes.iter().map(|note| format!("    {note}")));
    lines
}

fn by(started: &StartedBy) -> String {
    match started {
        StartedBy::Schedule { job, slot } => {
            let slot = slot.as_ref().map_or(String::new(), |slot| format!(" ({slot})"));
            t!("job {job}{slot}", "作业 {job}{slot}")
        }
        StartedBy::Airflow { dag, dag_run, .. } => format!("Airflow {} ({dag_run})", dag.as_deref().unwrap_or("?")),
        StartedBy::User { name } => name.clone().unwrap_or_else(|| either("a user", "用户").to_owned()),
    }
}

fn step(step: &Step) -> Vec<String> {
    let Step { step: name, state, seconds, rows, notes, .. } = step;
    let (state, rows) = (shown_state(state), grouped(*rows));
    let line = t!(
        "  {name:<10} {state:<8} {seconds:>8.2} s {rows:>12} rows",
        "  {name:<10} {state:<6} {seconds:>8.2} 秒 {rows:>12} 行"
    );
    std::iter::once(line).chain(notes.iter().map(|note| format!("    {note}"))).collect()
}

/// How it ended, and how to go on.
fn end(look: &Look) -> Vec<String> {
    let mut lines = Vec::new();
    if let (Some(seconds), Some(peak)) = (look.seconds, look.peak_bytes) {
        let peak = peak / 1_000_000;
        lines.push(t!("  took {seconds:.2} s, peak memory {peak} MB", "  用时 {seconds:.2} 秒，内存峰值 {peak} MB"));
    }
    lines.extend(look.error.iter().map(|error| t!("  error: {error}", "  错误：{error}")));
    lines.extend(look.version.iter().map(|version| t!("  made {version} current", "  当前版本改为 {version}")));
    lines.push(format!("  {}", go_on(look)));
    lines
}

fn go_on(look: &Look) -> String {
    let run = &look.run;
    match (look.outcome, &look.goes_on_at) {
        (Outcome::Done, _) => either("all of it is published", "已全部发布").to_owned(),
        (Outcome::HeldBack, _) => t!(
            "its figures are published, its model is not current: `nearset models list`, `nearset models promote VERSION`",
            "数据已发布，新模型未上线：`nearset models list`，`nearset models promote 版本`"
        ),
        (Outcome::Incomplete, _) => {
            t!("the next `nearset run` does what is left to do", "下一次 `nearset run` 会补全")
        }
        (Outcome::Running, _) => t!(
            "it goes on: `nearset runs log {run} --follow`, `nearset runs cancel`",
            "正在进行：`nearset runs log {run} --follow`，`nearset runs cancel`"
        ),
        (_, Some(step)) => t!(
            "nothing was published; `nearset runs retry` goes on at {step} with what the steps before had done",
            "未发布任何内容；`nearset runs retry` 沿用之前各步的结果，从 {step} 继续"
        ),
        (_, None) => t!(
            "nothing was published; `nearset runs retry {run}` runs it again from the start",
            "未发布任何内容；`nearset runs retry {run}` 从头重新运行"
        ),
    }
}

//! `nearset runs log`.

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::Args;

use crate::common::language::t;
use crate::common::terminal::say;
use crate::config::Config;
use crate::operations::run_log::{self, Kind, Line};
use crate::warehouse::Outcome;

/// How often it is looked for more.
const GLANCE: Duration = Duration::from_millis(200);

#[derive(Debug, Args)]
pub struct Log {
    /// The run's id or its beginning, or `last`
    #[arg(default_value = "last")]
    run: String,
    /// That of this step alone: prepare, extract, features, train, evaluate, reconcile or publish
    #[arg(long)]
    step: Option<String>,
    /// Go on with what comes, until the run ends
    #[arg(long)]
    follow: bool,
    /// The lines as they are kept, each a JSON object
    #[arg(long)]
    json: bool,
}

impl Log {
    pub fn run(self, config: &Config) -> Result<()> {
        let run = run_log::find(config, &self.run)?.run;
        if run_log::steps_of(config, &run).is_empty() {
            bail!(t!(
                "the log of run {run} is not there any more (KEEP_RUN_LOGS_DAYS)",
                "运行 {run} 的日志已不存在（KEEP_RUN_LOGS_DAYS）"
            ));
        }
        let mut shown = BTreeMap::new();
        loop {
            let goes_on = self.follow && run_log::find(config, &run)?.outcome == Outcome::Running;
            let steps = run_log::steps_of(config, &run);
            for step in steps.into_iter().filter(|step| self.step.as_deref().is_none_or(|wanted| wanted == *step)) {
                let from = shown.entry(step).or_insert(0);
                let lines = run_log::lines_of(config, &run, step)?;
                for line in &lines[(*from).min(lines.len())..] {
                    say!("{}", if self.json { serde_json::to_string(line)? } else { readable(step, line) });
                }
                *from = lines.len();
            }
            if !goes_on {
                break;
            }
            thread::sleep(GLANCE);
        }
        match self.step {
            Some(step) if shown.is_empty() => {
                let there = run_log::steps_of(config, &run).join(", ");
                bail!(t!("run {run} has no log of {step}; it has {there}", "运行 {run} 没有 {step} 的日志；有 {there}"))
            }
            _ => Ok(()),
        }
    }
}

fn readable(step: &str, line: &Line) -> String {
    let what = match line.event {
        Kind::StepStarted => t!("begins", "开始"),
        Kind::StepFinished if line.error.is_some() => t!("failed", "失败"),
        Kind::StepFinished => t!("done", "完成"),
        Kind::Published => line.version.as_ref().map_or_else(
            || t!("published", "已发布"),
            |version| t!("published, {version} is current", "已发布，当前版本为 {version}"),
        ),
        Kind::Retries => t!("another try of {}", "重试 {}", line.text),
        Kind::Ended => t!("the run has ended", "运行结束"),
        Kind::At => format!("… {}", line.text),
        Kind::Note | Kind::Log => line.text.clone(),
    };
    let mut text = format!("{}  {:<5} {step:<10} {what}", line.at.format("%Y-%m-%d %H:%M:%S%.3f"), line.level);
    if let Some(rows) = line.rows {
        text += &t!(", {rows} rows", "，{rows} 行");
    }
    if let Some(seconds) = line.seconds {
        text += &t!(", {seconds:.2} s", "，{seconds:.2} 秒");
    }
    if let Some(error) = &line.error {
        text += &t!(": {error}", "：{error}");
    }
    text
}

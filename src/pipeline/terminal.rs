//! The observer in front of a person: a line a step, and a spinner while it goes on.

use std::collections::BTreeMap;

use super::history::last_times;
use super::observer::{Event, Observer};
use crate::common::language::t;
use crate::common::progress::StepBar;
use crate::config::Config;

/// Tells what happens.
pub struct Terminal {
    bar: StepBar,
    /// How long each step took when it was last done, in seconds.
    last_times: BTreeMap<String, f64>,
}

impl Terminal {
    /// One in front of this bar, for a run in DATA_DIR.
    pub fn new(config: &Config, bar: StepBar) -> Self {
        Self { bar, last_times: last_times(config) }
    }
}

impl Observer for Terminal {
    fn hear(&self, run: &str, event: Event<'_>) {
        let bar = &self.bar;
        match event {
            Event::Started(options) => bar.say(&t!(
                "run {run}, as of {}",
                "运行 {run}，时点 {}",
                options.as_of.format("%Y-%m-%d %H:%M:%S UTC")
            )),
            Event::Retries { run, done: [] } => bar.note(&t!(
                "another try of run {run}, from the start: nothing is kept of it that could stand",
                "重试运行 {run}，从头开始：没有可沿用的结果"
            )),
            Event::Retries { run, done } => {
                let done: Vec<&str> = done.iter().map(|step| step.name()).collect();
                let done = done.join(", ");
                bar.note(&t!(
                    "another try of run {run}: {done} stand as it had done them",
                    "重试运行 {run}：沿用其已完成的 {done}"
                ));
            }
            Event::StepStarted(step) => bar.start(step.name(), self.last_times.get(step.name()).copied()),
            Event::At(what) => bar.at(what),
            Event::Note(text) => bar.note(text),
            Event::StepFinished { step, seconds, rows, error: None } => bar.finish(step.name(), seconds, rows),
            Event::PublishStarted => bar.start("publish", None),
            Event::Published { version: Some(version) } => {
                bar.note(&t!("model {version} is current", "当前模型为 {version}"));
            }
            // why a step failed, the command says when it ends
            Event::StepFinished { error: Some(_), .. } | Event::Published { version: None } => {}
            Event::PublishFinished { seconds, rows } => bar.finish("publish", seconds, rows),
            Event::Ended { seconds, peak_bytes, error, .. } => {
                bar.clear();
                if error.is_none() {
                    bar.say(&t!(
                        "done in {seconds:.1} s, peak memory {} MB",
                        "完成，用时 {seconds:.1} 秒，内存峰值 {} MB",
                        peak_bytes / 1_000_000
                    ));
                }
            }
        }
    }
}

//! The observer in front of a person: a line a step, and a spinner while it goes on.

use super::observer::{Event, Observer};
use crate::common::language::t;
use crate::common::progress::StepBar;
use crate::common::terminal::say;

/// Prints what happens on standard output.
#[derive(Default)]
pub struct Terminal {
    bar: StepBar,
}

impl Observer for Terminal {
    fn hear(&self, run: &str, event: Event<'_>) {
        match event {
            Event::Started(options) => say!(
                "{}",
                t!("run {run}, as of {}", "运行 {run}，时点 {}", options.as_of.format("%Y-%m-%d %H:%M:%S UTC"))
            ),
            Event::StepStarted(step) => self.bar.start(step.name()),
            Event::At(what) => self.bar.at(what),
            Event::Note(text) => self.bar.note(text),
            Event::StepFinished { step, seconds, rows, error: None } => self.bar.finish(step.name(), seconds, rows),
            Event::PublishStarted => self.bar.start("publish"),
            Event::Published { version: Some(version) } => {
                self.bar.note(&t!("model {version} is current", "当前模型为 {version}"));
            }
            // why a step failed, the command says when it ends
            Event::StepFinished { error: Some(_), .. } | Event::Published { version: None } => {}
            Event::PublishFinished { seconds, rows } => self.bar.finish("publish", seconds, rows),
            Event::Ended { seconds, peak_bytes, error } => {
                self.bar.clear();
                if error.is_none() {
                    say!(
                        "{}",
                        t!(
                            "done in {seconds:.1} s, peak memory {} MB",
                            "完成，用时 {seconds:.1} 秒，内存峰值 {} MB",
                            peak_bytes / 1_000_000
                        )
                    );
                }
            }
        }
    }
}

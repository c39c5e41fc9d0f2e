//! A run as `nearset runs` shows it: what history knows of it, and what its log adds.

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use serde::Serialize;

use super::folder::{lines_of, steps_of};
use super::line::{Kind, Line};
use super::record::Record;
use crate::common::language::{either, t};
use crate::config::Config;
use crate::pipeline::{self, PastRun};
use crate::warehouse::{Outcome, RunLine};

/// A step of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// Its name.
    pub step: String,
    /// `done` or `failed`.
    pub state: &'static str,
    /// How long it took.
    pub seconds: f64,
    /// Rows that it took in or made.
    pub rows: u64,
    /// Why it failed.
    pub error: Option<String>,
    /// What a person should know of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// A run.
#[derive(Clone, Debug, Serialize)]
pub struct Look {
    /// Its id.
    pub run: String,
    /// `done`, `failed`, `cancelled`, `running` or `killed`.
    pub state: &'static str,
    /// The same more exactly.
    pub outcome: Outcome,
    /// When it began.
    pub started: Option<DateTime<Utc>>,
    /// The moment that stood for now.
    pub as_of: Option<DateTime<Utc>>,
    /// The steps that it was asked for.
    pub asked: Vec<String>,
    /// How long it took, where it has ended.
    pub seconds: Option<f64>,
    /// The most memory that it held.
    pub peak_bytes: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
    /// Its steps; what follows the last is one, too, where its log tells of it.
    pub steps: Vec<Step>,
    /// What was said before the first step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// The run that it is another try of, and the steps that stand as that one had done them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<String>,
    /// The model version that it made current.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The step that `nearset runs retry` goes on at, where what those before it had done is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goes_on_at: Option<String>,
    /// What is known beside; none where its log is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
}

impl Look {
    fn of_history(past: &PastRun) -> Self {
        let mut look = Self {
            run: past.id().to_owned(),
            state: past.state(),
            outcome: past.outcome(),
            started: None,
            as_of: None,
            asked: Vec::new(),
            seconds: None,
            peak_bytes: None,
            error: None,
            steps: Vec::new(),
            notes: Vec::new(),
            retries: None,
            version: None,
            goes_on_at: None,
            record: None,
        };
        for line in past.lines().iter().cloned() {
            match line {
                RunLine::Started { at, as_of, steps, .. } => {
                    (look.started, look.as_of, look.asked) = (Some(at), Some(as_of), steps);
                }
                RunLine::Step { step, seconds, rows, error, .. } => {
                    let state = if error.is_some() { "failed" } else { "done" };
                    look.steps.push(Step { step, state, seconds, rows, error, notes: Vec::new() });
                }
                RunLine::Ended { seconds, peak_bytes, error, .. } => {
                    (look.seconds, look.peak_bytes, look.error) = (Some(seconds), Some(peak_bytes), error);
                }
            }
        }
        look
    }

    /// The steps that it was asked for and has not done: none of what was published, as a build is, which has no steps.
    pub fn left(&self) -> &[String] {
        if self.outcome.is_published() { &[] } else { self.asked.get(self.steps.len()..).unwrap_or_default() }
    }
}

/// All runs as history knows them, the oldest first.
///
/// # Errors
/// It cannot be read.
pub fn all(config: &Config) -> Result<Vec<Look>> {
    Ok(pipeline::past_runs(config)?.iter().map(Look::of_history).collect())
}

/// The run of that id, or whose id alone begins so; `last` is the newest.
///
/// # Errors
/// There is none, or history cannot be read.
pub fn find(config: &Config, id: &str) -> Result<Look> {
    let mut all = all(config)?;
    if all.is_empty() {
        bail!(either(
            "there was no run yet; `nearset run` makes the first",
            "还没有运行过；用 `nearset run` 开始第一次"
        ));
    }
    if id == "last" {
        all.drain(..all.len() - 1);
    } else if all.iter().any(|look| look.run == id) {
        all.retain(|look| look.run == id);
    } else {
        all.retain(|look| look.run.starts_with(id) && !id.is_empty());
    }
    match all.len() {
        1 => Ok(all.remove(0)),
        0 => bail!(t!("there is no run {id}; `nearset runs` lists them", "没有运行 {id}；`nearset runs` 列出全部")),
        count => {
            bail!(t!("{count} runs begin with {id}; write more of it", "有 {count} 次运行以 {id} 开头；请写得更长"))
        }
    }
}

/// The same with what the run's log adds.
///
/// # Errors
/// As for [`find`]; the log cannot be read.
pub fn look(config: &Config, id: &str) -> Result<Look> {
    let mut look = find(config, id)?;
    for step in steps_of(config, &look.run) {
        for line in lines_of(config, &look.run, step)? {
            look.take(step, line);
        }
    }
    look.record = Record::read(config, &look.run)?;
    let failed = !look.outcome.is_published() && look.outcome != Outcome::Running;
    look.goes_on_at = Some(()).filter(|()| failed).and_then(|()| pipeline::goes_on_at(config, &look.run));
    Ok(look)
}

impl Look {
    fn take(&mut self, step: &str, line: Line) {
        match line.event {
            Kind::Retries => self.retries = Some(line.text),
            Kind::Published => self.version = line.version,
            Kind::StepFinished if step == "publish" => self.steps.push(Step {
                step: step.to_owned(),
                state: "done",
                seconds: line.seconds.unwrap_or_default(),
                rows: line.rows.unwrap_or_default(),
                error: None,
                notes: Vec::new(),
            }),
            Kind::Note => match self.steps.iter_mut().find(|known| known.step == step) {
                Some(known) => known.notes.push(line.text),
                None => self.notes.push(line.text),
            },
            _ => {}
        }
    }
}

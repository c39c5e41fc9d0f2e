//! The observer that writes a run's log.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::folder::run_dir;
use super::line::{Kind, Line};
use super::record::Record;
use crate::common::files;
use crate::common::language::t;
use crate::common::scratch::{self, LastWords};
use crate::common::secrets::scrub;
use crate::config::Config;
use crate::pipeline::{Event, Observer, Options, Step};
use crate::warehouse::Outcome;

/// How often it is kept what a step is at.
const AT_EVERY: Duration = Duration::from_secs(1);

/// The log that is written now; what the program logs meanwhile belongs to it, too.
static OPEN: Mutex<Option<Open>> = Mutex::new(None);

fn open() -> MutexGuard<'static, Option<Open>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Open {
    dir: PathBuf,
    file: File,
    /// When it was last kept what the step was at, and what it was at since.
    last_at: Option<Instant>,
    passed_over: Option<Line>,
    is_broken: bool,
}

impl Open {
    fn begin(dir: PathBuf, step: &str) -> Result<Self> {
        let path = dir.join(format!("{step}.jsonl"));
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let file = file.with_context(|| t!("{} cannot be written", "{} 无法写入", path.display()))?;
        Ok(Self { dir, file, last_at: None, passed_over: None, is_broken: false })
    }

    fn add(&mut self, line: &Line) -> Result<()> {
        let text = serde_json::to_string(line)?;
        self.file.write_all(format!("{}\n", scrub(&text)).as_bytes()).with_context(|| {
            t!("the log of this run in {} cannot be written", "{} 中本次运行的日志无法写入", self.dir.display())
        })
    }

    /// What a step is at is kept once a second at most; before an error also the last of it.
    fn take(&mut self, line: Line) -> Result<()> {
        if line.event == Kind::At {
            if self.last_at.is_some_and(|then| then.elapsed() < AT_EVERY) {
                self.passed_over = Some(line);
                return Ok(());
            }
            self.last_at = Some(Instant::now());
        }
        let before = self.passed_over.take().filter(|_| line.error.is_some());
        before.map_or(Ok(()), |before| self.add(&before))?;
        self.add(&line)
    }
}

/// Adds what the program logs to the log of the run that goes on, where one does. What cannot be written is lost: saying so
/// would be logged, too.
pub(super) fn add_logged(line: Line) {
    // what is logged while a line is written belongs to the writing
    if let Ok(mut open) = OPEN.try_lock()
        && let Some(open) = open.as_mut()
    {
        open.take(line).ok();
    }
}

/// Writes the log of a run.
pub struct RunLog {
    config: Config,
    last_words: RefCell<Option<LastWords>>,
}

impl RunLog {
    /// For runs in DATA_DIR.
    pub fn of(config: &Config) -> Self {
        Self { config: config.clone(), last_words: RefCell::default() }
    }

    fn begin(&self, run: &str, options: &Options) -> Result<()> {
        let dir = run_dir(&self.config, run);
        files::make_dir(&dir)?;
        Record::of_this_process(run, options).write(&dir)?;
        *open() = Some(Open::begin(dir, "prepare")?);
        let words = |signal: &str| {
            let line = Line { outcome: Some(Outcome::Cancelled), ..Line::now(Kind::Ended, "") };
            add_logged(line.with_error(Some(&format!("stopped by {signal}"))));
        };
        self.last_words.replace(Some(scratch::last_words(words)));
        Ok(())
    }
}

/// From here on lines belong to another step.
fn turn_to(step: &str) -> Result<()> {
    let mut open = open();
    if let Some(before) = open.take() {
        *open = Some(Open::begin(before.dir, step)?);
    }
    Ok(())
}

fn add(line: Line) -> Result<()> {
    let mut open = open();
    match open.as_mut().filter(|open| !open.is_broken) {
        Some(open) => open.take(line).inspect_err(|_| open.is_broken = true),
        None => Ok(()),
    }
}

fn names(steps: &[Step]) -> String {
    steps.iter().map(|step| step.name()).collect::<Vec<_>>().join(", ")
}

fn write(event: Event<'_>) -> Result<()> {
    match event {
        Event::Started(_) => Ok(()),
        Event::Retries { run, done } => {
            let what = if done.is_empty() { "nothing".to_owned() } else { names(done) };
            add(Line::now(Kind::Retries, &format!("{run}; of it stands: {what}")))
        }
        Event::StepStarted(step) => {
            turn_to(step.name())?;
            add(Line::now(Kind::StepStarted, step.name()))
        }
        Event::PublishStarted => {
            turn_to("publish")?;
            add(Line::now(Kind::StepStarted, "publish"))
        }
        Event::At(text) => add(Line::now(Kind::At, text)),
        Event::Note(text) => add(Line::now(Kind::Note, text)),
        Event::StepFinished { step, seconds, rows, error } => {
            let line = Line::now(Kind::StepFinished, step.name());
            add(Line { seconds: Some(seconds), rows: Some(rows), ..line }.with_error(error))
        }
        Event::Published { version } => {
            add(Line { version: version.map(str::to_owned), ..Line::now(Kind::Published, "") })
        }
        Event::PublishFinished { seconds, rows } => {
            let line = Line::now(Kind::StepFinished, "publish");
            add(Line { seconds: Some(seconds), rows: Some(rows), ..line })
        }
        Event::Ended { seconds, error, outcome, .. } => {
            let line = Line { seconds: Some(seconds), outcome: Some(outcome), ..Line::now(Kind::Ended, "") };
            add(line.with_error(error))
        }
    }
}

impl Observer for RunLog {
    /// A run does not fail for its log.
    fn hear(&self, run: &str, event: Event<'_>) {
        let written = match event {
            Event::Started(options) => self.begin(run, options),
            event => write(event),
        };
        if let Event::Ended { .. } = event {
            self.last_words.take();
            open().take();
        }
        if let Err(error) = written {
            tracing::warn!("{error:#}");
        }
    }
}

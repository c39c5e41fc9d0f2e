//! The run history as an observer writes it and as people read it; its form is `warehouse::RunLine`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use chrono::Utc;

use super::observer::{Event, Observer};
use crate::common::files;
use crate::common::language::{either, t};
use crate::common::memory;
use crate::common::scratch::{self, LastWords};
use crate::config::Config;
use crate::warehouse::{self, Outcome, RunLine, run_history_path};

/// The line that keeps an event; some are worth none.
fn line_of(run: &str, event: Event<'_>) -> Option<RunLine> {
    let (run, at) = (run.to_owned(), Utc::now());
    match event {
        Event::Started(options) => {
            Some(RunLine::Started { run, at, as_of: options.as_of, steps: options.step_names() })
        }
        Event::StepFinished { step, seconds, rows, error } => Some(RunLine::Step {
            run,
            step: step.name().to_owned(),
            at,
            seconds: (seconds * 1000.0).round() / 1000.0,
            rows,
            error: error.map(str::to_owned),
        }),
        Event::Ended { seconds, peak_bytes, error, outcome } => Some(RunLine::Ended {
            run,
            at,
            seconds,
            peak_bytes,
            error: error.map(str::to_owned),
            outcome: Some(outcome),
        }),
        _ => None,
    }
}

/// The observer that writes the history.
pub struct History {
    path: PathBuf,
    /// That a run was stopped, where a signal ends it.
    last_words: RefCell<Option<LastWords>>,
}

impl History {
    /// The history of the runs in DATA_DIR.
    pub fn of(config: &Config) -> Self {
        Self::at(run_history_path(config))
    }

    fn at(path: PathBuf) -> Self {
        Self { path, last_words: RefCell::default() }
    }
}

/// A run does not fail for its history: what it does is worth more.
fn add(path: &Path, line: &RunLine) {
    let write = || {
        let text = serde_json::to_string(line)? + "\n";
        let mut file = OpenOptions::new().create(true).read(true).append(true).open(path)?;
        // a run that was killed may have left half a line
        let is_cut = files::whole_lines(&mut file)? < file.metadata()?.len();
        anyhow::Ok(file.write_all(format!("{}{text}", if is_cut { "\n" } else { "" }).as_bytes())?)
    };
    if let Err(error) = write() {
        tracing::warn!("{} cannot be written: {error:#}", path.display());
    }
}

/// The line of a run that a signal has ended.
fn cancelled(run: String, seconds: f64, signal: &str) -> RunLine {
    let (error, outcome) = (Some(format!("stopped by {signal}")), Some(Outcome::Cancelled));
    RunLine::Ended { run, at: Utc::now(), seconds, peak_bytes: memory::peak(), error, outcome }
}

impl Observer for History {
    fn hear(&self, run: &str, event: Event<'_>) {
        if let Event::Started(_) = event {
            let (run, path, started) = (run.to_owned(), self.path.clone(), Instant::now());
            let words = move |signal: &str| add(&path, &cancelled(run, started.elapsed().as_secs_f64(), signal));
            self.last_words.replace(Some(scratch::last_words(words)));
        }
        if let Event::Ended { .. } = event {
            self.last_words.take();
        }
        if let Some(line) = line_of(run, event) {
            add(&self.path, &line);
        }
    }
}

/// A run as its lines tell it; shown as the run and its steps, a line each.
#[derive(Debug)]
pub struct PastRun {
    id: String,
    lines: Vec<RunLine>,
    /// Whether it is the last one and some process holds the lock.
    may_be_running: bool,
}

impl PastRun {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What was kept of it, in order.
    pub fn lines(&self) -> &[RunLine] {
        &self.lines
    }

    /// What became of it; killed where it neither ended nor holds the lock any more.
    pub fn outcome(&self) -> Outcome {
        let ended = self.lines.iter().find_map(|line| match line {
            RunLine::Ended { error, outcome, .. } => Some((error.is_some(), *outcome)),
            _ => None,
        });
        match ended {
            Some((_, Some(outcome))) => outcome,
            Some((true, None)) => Outcome::Failed,
            Some((false, None)) => Outcome::Done,
            None if self.may_be_running => Outcome::Running,
            None => Outcome::Killed,
        }
    }

    /// In a word: `done`, `failed`, `cancelled`, `running` or `killed`.
    pub fn state(&self) -> &'static str {
        match self.outcome() {
            outcome @ (Outcome::Done | Outcome::Cancelled | Outcome::Running | Outcome::Killed) => outcome.name(),
            Outcome::HeldBack | Outcome::Refused | Outcome::Incomplete | Outcome::Failed => "failed",
        }
    }
}

/// A state in the language in force.
pub fn shown_state(state: &str) -> &str {
    let chinese = match state {
        "done" => "完成",
        "failed" => "失败",
        "running" => "运行中",
        "cancelled" => "已取消",
        "held_back" => "新模型未上线",
        "refused" => "检查未通过",
        "incomplete" => "未收尾",
        _ => "被终止",
    };
    either(state, chinese)
}

impl fmt::Display for PastRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut as_of, mut took, mut steps, mut fault) = (String::new(), String::new(), String::new(), String::new());
        for line in &self.lines {
            match line {
                RunLine::Started { as_of: moment, .. } => {
                    as_of = t!("  as of {}", "  时点 {}", moment.format("%Y-%m-%d %H:%M:%S"));
                }
                RunLine::Step { step, seconds, rows, error, .. } => {
                    let state = shown_state(if error.is_some() { "failed" } else { "done" });
                    steps += &t!(
                        "\n  {step:<10} {state:<8} {seconds:>8.2} s {rows:>12} rows",
                        "\n  {step:<10} {state:<6} {seconds:>8.2} 秒 {rows:>12} 行"
                    );
                }
                RunLine::Ended { seconds, peak_bytes, error, .. } => {
                    took = t!(
                        "  {seconds:.2} s, peak memory {} MB",
                        "  {seconds:.2} 秒，内存峰值 {} MB",
                        peak_bytes / 1_000_000
                    );
                    fault = error.as_ref().map_or(String::new(), |error| t!("\n  error: {error}", "\n  错误：{error}"));
                }
            }
        }
        write!(f, "{}  {}{as_of}{took}{steps}{fault}", self.id, shown_state(self.state()))
    }
}

/// All runs, oldest first.
///
/// # Errors
/// The history is there and cannot be read.
pub fn past_runs(config: &Config) -> Result<Vec<PastRun>> {
    read(&run_history_path(config), warehouse::is_run_lock_held(config))
}

/// How long each step took when it was last done, in seconds; nothing where that is not known.
pub(super) fn last_times(config: &Config) -> BTreeMap<String, f64> {
    let text = fs::read_to_string(run_history_path(config)).unwrap_or_default();
    let done = |line: &str| match serde_json::from_str(line) {
        Ok(RunLine::Step { step, seconds, error: None, .. }) => Some((step, seconds)),
        _ => None,
    };
    text.lines().filter_map(done).collect()
}

/// A line cut short by a crash is passed over.
fn read(path: &Path, is_lock_held: bool) -> Result<Vec<PastRun>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(path).with_context(|| t!("{} cannot be read", "{} 无法读取", path.display()))?;
    let mut runs: BTreeMap<String, Vec<RunLine>> = BTreeMap::new();
    for line in text.lines().filter_map(|line| serde_json::from_str::<RunLine>(line).ok()) {
        runs.entry(line.run().to_owned()).or_default().push(line);
    }
    let last = runs.len().saturating_sub(1);
    let past = runs.into_iter().enumerate();
    Ok(past.map(|(index, (id, lines))| PastRun { id, lines, may_be_running: is_lock_held && index == last }).collect())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::pipeline::{Options, Step};

    #[test]
    fn what_was_observed_is_read_back_whatever_became_of_the_run() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let history = History::at(folder.path().join("runs.jsonl"));
        let as_of = DateTime::from_timestamp(1_792_000_000, 0).context("a moment")?;
        let options = Options {
            full_refresh: false,
            steps: vec![Step::Extract],
            as_of,
            may_be_past: false,
            keeps_current: false,
        };
        let finished = |error| Event::StepFinished { step: Step::Extract, seconds: 1.23456, rows: 7, error };
        let ended = |error: Option<&'static str>| {
            let outcome = if error.is_some() { Outcome::Failed } else { Outcome::Done };
            Event::Ended { seconds: 2.0, peak_bytes: 300_000_000, error, outcome }
        };
        for (run, events) in [
            ("1", vec![finished(None), Event::Note("not kept"), ended(None)]),
            ("2", vec![finished(Some("the disk is full")), ended(Some("the disk is full"))]),
            ("3", vec![]),
        ] {
            history.hear(run, Event::Started(&options));
            events.into_iter().for_each(|event| history.hear(run, event));
        }
        OpenOptions::new().append(true).open(&history.path)?.write_all(b"{\"event\":\"ended\",\"ru")?;
        let shown = |held| Ok::<_, anyhow::Error>(read(&history.path, held)?.iter().map(PastRun::to_string).collect());
        let text: Vec<String> = shown(true)?;
        insta::assert_snapshot!(text.join("\n"), @r"
        1  done  as of 2026-10-14 17:46:40  2.00 s, peak memory 300 MB
          extract    done         1.24 s            7 rows
        2  failed  as of 2026-10-14 17:46:40  2.00 s, peak memory 300 MB
          extract    failed       1.24 s            7 rows
          error: the disk is full
        3  running  as of 2026-10-14 17:46:40
        ");
        let config = Config::for_test(&[("DATA_DIR", &folder.path().to_string_lossy())])?;
        files::make_dir(&config.metadata_dir())?;
        fs::copy(&history.path, run_history_path(&config))?;
        assert_eq!(last_times(&config), BTreeMap::from([("extract".to_owned(), 1.235)]));
        let text: Vec<String> = shown(false)?;
        assert!(text[2].starts_with("3  killed"), "{}", text[2]);
        assert!(fs::read_to_string(&history.path)?.contains("\"seconds\":1.235,"));
        history.hear("4", Event::Started(&options));
        let text: Vec<String> = shown(true)?;
        assert_eq!(text.len(), 4, "a line that was cut takes none with it: {text:?}");
        Ok(())
    }
}

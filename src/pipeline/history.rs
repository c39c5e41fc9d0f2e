//! Run history: `_metadata/runs.jsonl`, an event a line, so that a run which was killed is still known of.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// What can happen to a run.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    Started { run: String, at: DateTime<Utc>, as_of: DateTime<Utc>, steps: Vec<String> },
    Step { run: String, step: String, at: DateTime<Utc>, seconds: f64, rows: u64, error: Option<String> },
    Ended { run: String, at: DateTime<Utc>, seconds: f64, peak_bytes: u64, error: Option<String> },
}

impl Event {
    fn run(&self) -> &str {
        match self {
            Self::Started { run, .. } | Self::Step { run, .. } | Self::Ended { run, .. } => run,
        }
    }
}

/// A run as its events tell it.
#[derive(Debug, Default)]
pub struct Past {
    pub events: Vec<Event>,
}

impl Past {
    /// `done`, `failed`, `running`, or `killed` where it neither ended nor holds the lock any more.
    pub fn state(&self, lock_is_held: bool) -> &'static str {
        match self.events.iter().find_map(|e| if let Event::Ended { error, .. } = e { Some(error) } else { None }) {
            Some(None) => "done",
            Some(Some(_)) => "failed",
            None if lock_is_held => "running",
            None => "killed",
        }
    }

    /// The run and its steps, a line each.
    pub fn show(&self, id: &str, lock_is_held: bool) -> String {
        let mut text = String::new();
        let mut failed = None;
        let (mut total, mut memory) = (None, 0);
        for event in &self.events {
            match event {
                Event::Started { .. } => {}
                Event::Step { step, seconds, rows, error, .. } => {
                    let state = if error.is_some() { "failed" } else { "done" };
                    text += &format!("  {step:<10} {state:<8} {seconds:>8.2} s {rows:>12} rows\n");
                }
                Event::Ended { seconds, peak_bytes, error, .. } => {
                    total = Some(*seconds);
                    memory = peak_bytes / 1_000_000;
                    failed.clone_from(error);
                }
            }
        }
        let took = total.map_or(String::new(), |s| format!("  {s:.2} s, peak memory {memory} MB"));
        let as_of =
            self.events.iter().find_map(|e| if let Event::Started { as_of, .. } = e { Some(as_of) } else { None });
        let as_of = as_of.map_or(String::new(), |t| format!("  as of {}", t.format("%Y-%m-%d %H:%M:%S")));
        let error = failed.map_or(String::new(), |e| format!("  error: {e}\n"));
        format!("{id}  {}{as_of}{took}\n{text}{error}", self.state(lock_is_held))
    }
}

fn path(config: &Config) -> PathBuf {
    config.metadata_dir().join("runs.jsonl")
}

/// Adds one event. A run does not fail for its history: what it does is worth more.
pub fn record(config: &Config, event: &Event) {
    let path = path(config);
    let add = || -> Result<()> {
        let line = serde_json::to_string(event)? + "\n";
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        Ok(file.write_all(line.as_bytes())?)
    };
    if let Err(error) = add() {
        tracing::warn!("{} cannot be written: {error:#}", path.display());
    }
}

/// All runs, oldest first. A line cut short by a crash is passed over.
pub fn read(config: &Config) -> Result<Vec<(String, Past)>> {
    let path = path(config);
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut runs: BTreeMap<String, Past> = BTreeMap::new();
    for event in text.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
        runs.entry(event.run().to_owned()).or_default().events.push(event);
    }
    Ok(runs.into_iter().collect())
}

//! One look at all places, and what follows: the notices of what began, grew worse or ended.

use std::fs::OpenOptions;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::memory::{Found, Memory};
use crate::common::errors::describe;
use crate::common::language::{Language, either, spoken, t};
use crate::common::{files, lock};
use crate::config::Config;
use crate::operations::notify::{Choice, Routing, Words, deliver_for, tell};
use crate::operations::{Alert, Clock, Duty, LOOKS, Look, Severity, Stop};

/// How often is looked.
const EVERY: TimeDelta = TimeDelta::seconds(15);

/// Looks again and again, as long as the process lasts.
pub fn duty() -> Duty {
    Duty { name: "watch", attend }
}

fn attend(config: &Config, clock: &dyn Clock, stop: &Stop) -> Result<()> {
    let mut last = String::new();
    loop {
        let said = look(config, clock.now()).err().map(|error| describe(&error)).unwrap_or_default();
        if said != last && !said.is_empty() {
            tracing::error!("what is wrong is not told: {said}");
        }
        last = said;
        if clock.wait(clock.now() + EVERY, stop) {
            return Ok(());
        }
    }
}

/// Looks once at all places and has what began or ended since the last look told, unless another process does so now. Where
/// nobody can be told, nothing is looked at.
///
/// # Errors
/// `notify.toml` makes no sense, or the disk fails.
pub fn look(config: &Config, now: DateTime<Utc>) -> Result<()> {
    let routing = Routing::of(config)?;
    if routing.receivers.is_empty() {
        return Ok(());
    }
    look_with(config, &routing, LOOKS, now)
}

/// How many seconds a run that has ended waits for what it tells to arrive; what has not by then is left to another process.
const AFTER_RUN: u64 = 5;

/// Looks once after a run, and brings what is to be told to its receivers, within a few seconds.
pub fn after_run(config: &Config) {
    let told = Routing::of(config).and_then(|routing| {
        if !routing.receivers.is_empty() {
            look(config, Utc::now())?;
            deliver_for(config, &routing, AFTER_RUN);
        }
        Ok(())
    });
    if let Err(error) = told {
        tracing::error!("what became of the run is not told: {}", describe(&error));
    }
}

fn look_with(config: &Config, routing: &Routing, looks: &[Look], now: DateTime<Utc>) -> Result<()> {
    files::make_dir(&config.operations_dir())?;
    let path = config.operations_dir().join("alerts.lock");
    let cannot = || t!("{} cannot be locked", "{} 无法加锁", path.display());
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).with_context(cannot)?;
    let Some(_lock) = lock::take(file).with_context(cannot)? else { return Ok(()) };
    let mut memory = Memory::read(config)?;
    // what a process that was killed had begun to tell
    tell_all(config, routing, &mut memory, now)?;
    let found = looks.iter().map(|look| found_by(*look, config, routing, now)).collect();
    if memory.take_in(found, routing, now) {
        // first what is told is kept, so that a kill loses nothing, then it is told, so that it is told once
        memory.write(config)?;
    }
    tell_all(config, routing, &mut memory, now)
}

fn tell_all(config: &Config, routing: &Routing, memory: &mut Memory, now: DateTime<Utc>) -> Result<()> {
    if memory.telling.is_empty() {
        return Ok(());
    }
    for notice in &memory.telling {
        tell(config, routing, notice, now)?;
    }
    memory.telling.clear();
    memory.write(config)
}

/// What one place finds, in both languages; `None` where it cannot look.
fn found_by(look: Look, config: &Config, routing: &Routing, now: DateTime<Utc>) -> Found {
    let in_language = |language| spoken(language, || look(config, now));
    let both = in_language(Language::English).and_then(|found| Ok((found, in_language(Language::Chinese)?)));
    let (english, chinese) = match both {
        Ok(both) => both,
        Err(error) => {
            tracing::warn!("whether something is wrong cannot be seen: {}", describe(&error));
            return None;
        }
    };
    let told = english.into_iter().filter_map(|alert| chosen(alert, routing));
    let words = |alert: &Alert| {
        let same = chinese.iter().find(|other| other.name == alert.name && other.subject == alert.subject);
        let same = same.unwrap_or(alert);
        Words { summary: same.summary.clone(), description: same.description.clone() }
    };
    Some(told.map(|alert| (alert.clone(), words(&alert))).collect())
}

/// An alert as `[events]` wants it; `None` where it does not.
fn chosen(mut alert: Alert, routing: &Routing) -> Option<Alert> {
    match routing.events.get(&alert.name) {
        Some(Choice::Off) => return None,
        Some(Choice::As(severity)) => alert.severity = *severity,
        None => {}
    }
    Some(alert)
}

/// Something that is wrong and was told.
#[derive(Debug, Serialize)]
pub struct Firing {
    /// Its kind.
    pub name: String,
    /// What of that kind.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What is wrong, in a line.
    pub summary: String,
}

impl Firing {
    /// Its kind and what of that kind.
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.subject).trim_end().to_owned()
    }
}

/// What is wrong by the last look, and was told.
///
/// # Errors
/// What is kept of it cannot be read.
pub fn firing(config: &Config) -> Result<Vec<Firing>> {
    let memory = Memory::read(config)?;
    let told = memory.episodes.into_values().filter(|episode| episode.told.is_some());
    Ok(told
        .map(|episode| Firing {
            name: episode.alert.name,
            subject: episode.alert.subject,
            severity: episode.alert.severity,
            since: episode.since,
            summary: either(episode.alert.summary, episode.chinese.summary),
        })
        .collect())
}

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
    // what a process that was killed had begun to tell comes before what is found now
    tell_all(config, routing, &mut memory, now - TimeDelta::milliseconds(1))?;
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
    for (place, notice) in memory.telling.iter().enumerate() {
        // in this order
        tell(config, routing, notice, now + TimeDelta::nanoseconds(place as i64))?;
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

#[cfg(test)]
mod tests {
    use std::fs;

    use rand::rngs::SmallRng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Where a process is killed.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Kill {
        Never,
        Kept,
        Told,
    }

    fn world() -> Result<(tempfile::TempDir, Config)> {
        let folder = tempfile::tempdir()?;
        let dir = folder.path().to_string_lossy().into_owned();
        fs::write(
            folder.path().join("notify.toml"),
            "[[receiver]]\nname = \"team\"\nkind = \"webhook\"\nurl = \"http://a.cn/team\"\n[events]\nSourceStale = \"off\"\n",
        )?;
        Ok((folder, Config::for_test(&[("DATA_DIR", &dir)])?))
    }

    /// What is wrong stands in a file: name, severity; a word that is none is a look that fails.
    fn wrong(config: &Config, _now: DateTime<Utc>) -> Result<Vec<Alert>> {
        let text = fs::read_to_string(config.data_dir.join("wrong")).unwrap_or_default();
        anyhow::ensure!(!text.contains("unreadable"), "unreadable");
        let alert = |line: &str| {
            let (name, severity) = line.split_once(' ').unwrap_or((line, "critical"));
            let (name, subject, severity) = (name.to_owned(), String::new(), Severity::named(severity));
            Alert {
                name,
                subject,
                severity,
                summary: t!("wrong", "有误"),
                description: String::new(),
                labels: [].into(),
            }
        };
        Ok(text.lines().map(alert).collect())
    }

    /// A look of a process that is killed somewhere, or is not.
    fn look_until(config: &Config, routing: &Routing, kill: Kill, now: DateTime<Utc>) -> Result<()> {
        if kill == Kill::Never {
            return look_with(config, routing, &[wrong], now);
        }
        let mut memory = Memory::read(config)?;
        tell_all(config, routing, &mut memory, now - TimeDelta::milliseconds(1))?;
        if memory.take_in(vec![found_by(wrong, config, routing, now)], routing, now) {
            memory.write(config)?;
        }
        if kill == Kill::Told {
            memory.telling.iter().try_for_each(|notice| tell(config, routing, notice, now).map(drop))?;
        }
        Ok(())
    }

    /// All that was ever told, as name and state, in order.
    fn told(config: &Config) -> Result<Vec<String>> {
        let outbox = crate::operations::Outbox::of(config, "notify/team");
        let waiting = outbox.waiting::<serde_json::Value>()?;
        let text =
            |body: &serde_json::Value, field: &str| body["notice"][field].as_str().unwrap_or_default().to_owned();
        Ok(waiting.iter().map(|item| format!("{} {}", text(&item.body, "name"), text(&item.body, "state"))).collect())
    }

    #[test]
    fn each_beginning_and_each_end_is_told_once_however_often_processes_are_killed() -> Result<()> {
        for seed in 0..4 {
            let (folder, config) = world()?;
            let routing = Routing::of(&config)?;
            let mut random = SmallRng::seed_from_u64(seed);
            let mut now = DateTime::from_timestamp(1_790_000_000, 0).context("a moment")?;
            let (mut is_wrong, mut expected) = (false, Vec::new());
            for _ in 0..60 {
                now += TimeDelta::seconds(15);
                let text = match random.random_range(0..5) {
                    0 | 1 => "RunFailed",
                    2 | 3 => "",
                    _ => "unreadable",
                };
                fs::write(folder.path().join("wrong"), text)?;
                let kill = [Kill::Never, Kill::Kept, Kill::Told][random.random_range(0..3)];
                look_until(&config, &routing, kill, now)?;
                if text != "unreadable" && is_wrong != (text == "RunFailed") {
                    is_wrong = !is_wrong;
                    expected.push(format!("RunFailed {}", if is_wrong { "firing" } else { "resolved" }));
                }
            }
            look_until(&config, &routing, Kill::Never, now)?;
            assert_eq!(told(&config)?, expected, "seed {seed}");
            assert!(expected.len() > 10);
        }
        Ok(())
    }

    #[test]
    fn what_may_be_over_in_a_moment_is_told_after_some_minutes_and_what_grows_worse_at_once() -> Result<()> {
        let (folder, config) = world()?;
        let routing = Routing::of(&config)?;
        let began = DateTime::from_timestamp(1_790_000_000, 0).context("a moment")?;
        let mut expected: Vec<&str> = Vec::new();
        for (minute, text, more) in [
            (0, "DiskLow warning\nSourceStale warning", None),
            (9, "DiskLow warning", None),
            (10, "DiskLow warning", Some("DiskLow firing")),
            (11, "DiskLow critical", Some("DiskLow worse")),
            (12, "", None),
            // it was not over
            (12, "DiskLow critical", None),
            (13, "", None),
            (14, "", Some("DiskLow resolved")),
            (15, "DiskLow warning", None),
            (16, "", None),
            (90, "DiskLow warning", None),
        ] {
            fs::write(folder.path().join("wrong"), text)?;
            look_with(&config, &routing, &[wrong], began + TimeDelta::minutes(minute))?;
            expected.extend(more);
            assert_eq!(told(&config)?, expected, "minute {minute}");
        }
        assert!(firing(&config)?.is_empty());
        Ok(())
    }
}

//! What was found wrong before, and what was told of it: `DATA_DIR/operations/alerts.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::common::files;
use crate::common::language::t;
use crate::config::Config;
use crate::operations::notify::{Notice, Routing, Source, State, Words, episode};
use crate::operations::{Alert, Severity};

/// The names of all that nearset finds by itself.
pub const EVENTS: &[&str] = &[
    "ContractBroken",
    "CoverageLow",
    "DayOdd",
    "DiskLow",
    "ExperimentDecided",
    "ExperimentEnded",
    "ExperimentSampleRatioOff",
    "ExposuresNotLogged",
    "GateRefused",
    "JobFailed",
    "MlflowBehind",
    "ModelHeldBack",
    "ModelRefused",
    "QualityLow",
    "ReconciliationCritical",
    "ReleaseStuck",
    "ReleaseWentBack",
    "RunFailed",
    "RunLate",
    "ServerDown",
    "SourceStale",
    "ViewFailed",
];

/// How long something must have been wrong before it is told, or right before it counts as mended: what may be over in a
/// moment needs some minutes.
fn patience(routing: &Routing, name: &str, severity: Severity) -> TimeDelta {
    let usual = match (name, severity) {
        ("DiskLow", Severity::Warning) => TimeDelta::minutes(10),
        ("DiskLow" | "ExposuresNotLogged" | "ModelRefused" | "ServerDown", _) => TimeDelta::minutes(1),
        _ => TimeDelta::zero(),
    };
    routing.patience.get(name).copied().unwrap_or(usual)
}

/// One stretch of time in which something is wrong.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Episode {
    /// What is wrong, as it was found last.
    pub alert: Alert,
    /// The same in Chinese.
    pub chinese: Words,
    /// The how manieth episode of this alert it is.
    pub number: u64,
    /// When it was found first.
    pub since: DateTime<Utc>,
    /// What was told: how much it mattered then.
    pub told: Option<Severity>,
    /// Since when it is not found any more.
    pub mended: Option<DateTime<Utc>>,
    /// The place that found it.
    pub look: usize,
}

/// All that is remembered.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Memory {
    /// What is wrong, by name and subject.
    pub episodes: BTreeMap<String, Episode>,
    /// How many episodes of each alert there were.
    pub counts: BTreeMap<String, u64>,
    /// What is being told: after a kill it is told again, and heard once.
    pub telling: Vec<Notice>,
}

/// What a place found: each alert, and the same in Chinese; `None` where it could not look.
pub type Found = Option<Vec<(Alert, Words)>>;

fn key(alert: &Alert) -> String {
    format!("{} {}", alert.name, alert.subject)
}

impl Memory {
    fn path(config: &Config) -> PathBuf {
        config.operations_dir().join("alerts.json")
    }

    /// What was kept.
    pub fn read(config: &Config) -> Result<Self> {
        let path = Self::path(config);
        let Some(text) = files::read(&path)? else { return Ok(Self::default()) };
        serde_json::from_slice(&text).with_context(|| {
            t!(
                "{} makes no sense; remove it, and what is wrong now is told anew",
                "{} 内容有误；删除后，当前的异常会重新通知",
                path.display()
            )
        })
    }

    /// Keeps it.
    pub fn write(&self, config: &Config) -> Result<()> {
        files::write(&Self::path(config), &serde_json::to_vec_pretty(self)?)
    }

    /// Takes in what all places found now; what is to be told of it stands in `telling` then. Whether anything changed.
    pub fn take_in(&mut self, found: Vec<Found>, routing: &Routing, now: DateTime<Utc>) -> bool {
        let looked: Vec<bool> = found.iter().map(Option::is_some).collect();
        let mut there = BTreeMap::new();
        for (look, found) in found.into_iter().enumerate() {
            for (alert, chinese) in found.into_iter().flatten() {
                there.entry(key(&alert)).or_insert((look, alert, chinese));
            }
        }
        let mut changed = false;
        for (key, (look, alert, chinese)) in &there {
            changed |= self.is_wrong(key, *look, alert, chinese, routing, now);
        }
        let gone: Vec<String> = self
            .episodes
            .iter()
            .filter(|(key, episode)| !there.contains_key(*key) && looked.get(episode.look).copied().unwrap_or(true))
            .map(|(key, _)| key.clone())
            .collect();
        for key in gone {
            changed |= self.is_right(&key, routing, now);
        }
        changed
    }

    fn is_wrong(
        &mut self,
        key: &str,
        look: usize,
        alert: &Alert,
        chinese: &Words,
        routing: &Routing,
        now: DateTime<Utc>,
    ) -> bool {
        let mut changed = !self.episodes.contains_key(key);
        if changed {
            let number = self.counts.entry(key.to_owned()).or_default();
            *number += 1;
        }
        let number = self.counts.get(key).copied().unwrap_or(1);
        let fresh = Episode {
            alert: alert.clone(),
            chinese: chinese.clone(),
            number,
            since: now,
            told: None,
            mended: None,
            look,
        };
        let episode = self.episodes.entry(key.to_owned()).or_insert(fresh);
        changed |= episode.mended.take().is_some() || episode.alert != *alert;
        (episode.alert, episode.chinese, episode.look) = (alert.clone(), chinese.clone(), look);
        let is_due = now - episode.since >= patience(routing, &alert.name, alert.severity);
        let state = match episode.told {
            None if is_due => State::Firing,
            Some(told) if told < alert.severity => State::Worse,
            _ => return changed,
        };
        episode.told = Some(alert.severity);
        let notice = episode.notice(key, state, now);
        self.telling.push(notice);
        true
    }

    fn is_right(&mut self, key: &str, routing: &Routing, now: DateTime<Utc>) -> bool {
        let Some(episode) = self.episodes.get_mut(key) else { return false };
        let Some(told) = episode.told else {
            self.episodes.remove(key);
            return true;
        };
        let changed = episode.mended.is_none();
        let mended = *episode.mended.get_or_insert(now);
        if now - mended < patience(routing, &episode.alert.name, told) {
            return changed;
        }
        let notice = episode.notice(key, State::Resolved, mended);
        self.telling.push(notice);
        self.episodes.remove(key);
        true
    }
}

impl Episode {
    fn notice(&self, key: &str, state: State, at: DateTime<Utc>) -> Notice {
        let alert = &self.alert;
        Notice {
            episode: episode(&["nearset", key, &self.number.to_string()]),
            state,
            source: Source::Nearset,
            wanted: String::new(),
            name: alert.name.clone(),
            subject: alert.subject.clone(),
            severity: self.told.unwrap_or(alert.severity),
            labels: alert.labels.clone(),
            since: self.since,
            at,
            words: Words { summary: alert.summary.clone(), description: alert.description.clone() },
            chinese: Some(self.chinese.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    /// The names of alerts in a file that makes some: words of two capitals or more between quotes.
    fn names(code: &str) -> BTreeSet<String> {
        let quoted = code.split("#[cfg(test)]").next().unwrap_or_default().split('"').skip(1).step_by(2);
        let is_name = |text: &&str| {
            text.chars().all(char::is_alphabetic)
                && text.starts_with(char::is_uppercase)
                && text.matches(char::is_uppercase).count() > 1
                && text.contains(char::is_lowercase)
        };
        quoted.filter(is_name).map(str::to_owned).collect()
    }

    #[test]
    fn every_alert_that_is_made_is_an_event_that_may_be_switched_off_and_is_in_the_docs() -> Result<()> {
        let mut made = BTreeSet::new();
        for entry in walkdir::WalkDir::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/operations")) {
            let entry = entry?;
            if entry.path().extension().is_some_and(|end| end == "rs") && !entry.path().ends_with("watch/memory.rs") {
                let code = fs::read_to_string(entry.path())?;
                if code.contains("Alert {") && code.contains("Result<Vec<Alert>>") {
                    made.extend(names(&code));
                }
            }
        }
        assert_eq!(made, EVENTS.iter().map(|name| (*name).to_owned()).collect());
        for page in
            [include_str!("../../../docs/notifications.md"), include_str!("../../../docs/notifications.zh-CN.md")]
        {
            let missing: Vec<&&str> = EVENTS.iter().filter(|name| !page.contains(&format!("`{name}`"))).collect();
            assert!(missing.is_empty(), "{missing:?}");
        }
        Ok(())
    }
}

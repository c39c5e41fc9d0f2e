//! What Alertmanager posts (version 4 of its webhook), as notices.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::notice::{Notice, Source, State, Words, episode};
use crate::operations::Severity;

/// A group of alerts; what is not named here is of no use to people.
#[derive(Deserialize)]
pub struct Group {
    alerts: Vec<Alert>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Alert {
    status: Status,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    starts_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
    fingerprint: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Firing,
    Resolved,
}

impl Group {
    /// Its alerts, for whom `wanted` names. The same alert has the same id, however often it is posted.
    pub fn notices(self, wanted: &str, now: DateTime<Utc>) -> Vec<Notice> {
        self.alerts.into_iter().map(|alert| alert.notice(wanted, now)).collect()
    }
}

impl Alert {
    fn notice(self, wanted: &str, now: DateTime<Utc>) -> Notice {
        let fingerprint = self.fingerprint.filter(|print| !print.is_empty());
        let fingerprint = fingerprint.unwrap_or_else(|| format!("{:?}", self.labels));
        let said =
            |names: &[&str]| names.iter().find_map(|name| self.annotations.get(*name)).cloned().unwrap_or_default();
        let label = |name: &str| self.labels.get(name).cloned().unwrap_or_default();
        let words = |language: &str| Words {
            summary: said(&[&format!("summary{language}"), "summary", "message"]),
            description: said(&[&format!("description{language}"), "description", "runbook", "runbook_url"]),
        };
        let speaks_chinese = ["summary_zh", "description_zh"].iter().any(|name| self.annotations.contains_key(*name));
        let (state, at) = match self.status {
            Status::Firing => (State::Firing, self.starts_at),
            Status::Resolved => (State::Resolved, self.ends_at.filter(|at| *at > self.starts_at).unwrap_or(now)),
        };
        Notice {
            episode: episode(&[&fingerprint, &self.starts_at.to_rfc3339()]),
            state,
            source: Source::Alertmanager,
            wanted: wanted.to_owned(),
            name: match label("alertname") {
                name if name.is_empty() => "Alert".to_owned(),
                name => name,
            },
            subject: String::new(),
            severity: Severity::named(&label("severity")),
            since: self.starts_at,
            at,
            words: words(""),
            chinese: speaks_chinese.then(|| words("_zh")),
            labels: self.labels,
        }
    }
}

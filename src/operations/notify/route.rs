//! Which notices a route takes, to whom it leads, and when they are told.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::hours::{Digest, Hours};
use super::notice::{Notice, Source};
use crate::operations::Severity;

/// A route of `notify.toml`; what is empty asks for nothing.
#[derive(Clone, Debug, Default)]
pub struct Route {
    /// What it is called by a webhook's address; empty where it has no name.
    pub name: String,
    /// Names of alerts, with `*` for anything.
    pub alerts: Vec<String>,
    /// How much they matter.
    pub severities: Vec<Severity>,
    /// Who found them.
    pub sources: Vec<Source>,
    /// Values of labels, with `*` for anything.
    pub labels: BTreeMap<String, String>,
    /// Whose numbers are told.
    pub to: Vec<usize>,
    /// Whether the routes behind it are looked at, too.
    pub goes_on: bool,
    /// What is not critical waits for these.
    pub hours: Option<Hours>,
    /// What is not critical is collected for this.
    pub digest: Option<Digest>,
    /// How often it is told again while it is wrong.
    pub repeat: Option<TimeDelta>,
    /// Who else is told where it stays wrong.
    pub escalation: Option<Escalation>,
}

/// Who is told where nobody mends or acknowledges it.
#[derive(Clone, Debug)]
pub struct Escalation {
    /// After how long.
    pub after: TimeDelta,
    /// Whose numbers.
    pub to: Vec<usize>,
}

impl Route {
    /// Whether it takes a notice.
    pub fn takes(&self, notice: &Notice) -> bool {
        let label = |name: &str| match name {
            "alertname" => notice.name.as_str(),
            "severity" => notice.severity.name(),
            _ => notice.labels.get(name).map_or("", String::as_str),
        };
        let is_named = self.alerts.is_empty() || self.alerts.iter().any(|pattern| fits(pattern, &notice.name));
        let is_severe = self.severities.is_empty() || self.severities.contains(&notice.severity);
        let is_found = self.sources.is_empty() || self.sources.contains(&notice.source);
        is_named && is_severe && is_found && self.labels.iter().all(|(name, pattern)| fits(pattern, label(name)))
    }

    /// When a notice that comes now is told.
    pub fn due(&self, severity: Severity, now: DateTime<Utc>) -> DateTime<Utc> {
        if severity == Severity::Critical {
            return now;
        }
        let collected = self.digest.as_ref().map_or(now, |digest| digest.next(now));
        self.hours.as_ref().map_or(collected, |hours| hours.next(collected))
    }
}

/// Whether a text is what a pattern says, in which `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, expected) in [
            ("Run*", "RunFailed", true),
            ("*Late", "RunLate", true),
            ("*", "", true),
            ("matomo.*log*", "matomo.matomo_log_visit", true),
            ("a*a", "a", false),
            ("Run", "RunFailed", false),
            ("*x*y", "xyz", false),
            ("", "", true),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
    }
}

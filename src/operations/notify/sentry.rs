//! What Sentry posts, in the forms of its legacy webhook, its event alerts and its issue alerts, as a notice.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::notice::{Notice, Source, State, Words, episode};
use crate::operations::Severity;

/// The first text that is there, of several places.
fn first<'a>(body: &'a Value, places: &[&str]) -> Option<&'a str> {
    places.iter().find_map(|place| body.pointer(place)?.as_str().filter(|text| !text.is_empty()))
}

/// A body as a notice; `None` where it says nothing that Sentry says.
pub fn notice(body: &Value, now: DateTime<Utc>) -> Option<Notice> {
    let title = first(
        body,
        &["/data/event/title", "/data/issue/title", "/event/title", "/data/issue_alert/title", "/message", "/culprit"],
    )?;
    let level = first(body, &["/data/event/level", "/data/issue/level", "/event/level", "/level"]).unwrap_or("error");
    let project = first(
        body,
        &["/data/event/project_name", "/data/issue/project/slug", "/project_name", "/project_slug", "/project"],
    );
    let culprit = first(body, &["/data/event/culprit", "/data/issue/culprit", "/event/culprit", "/culprit"]);
    let url = first(body, &["/data/event/web_url", "/data/issue/web_url", "/data/issue/permalink", "/url"]);
    let id = first(body, &["/data/event/event_id", "/event/event_id", "/data/issue/id", "/id"]);
    let is_resolved = first(body, &["/action"]) == Some("resolved");
    let labels = [("level", Some(level)), ("project", project)];
    let labels: BTreeMap<String, String> =
        labels.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
    Some(Notice {
        episode: match id {
            Some(id) => episode(&["sentry", id]),
            None => episode(&["sentry", &body.to_string()]),
        },
        state: if is_resolved { State::Resolved } else { State::Firing },
        source: Source::Sentry,
        wanted: "sentry".to_owned(),
        name: "SentryIssue".to_owned(),
        subject: project.unwrap_or_default().to_owned(),
        severity: if level == "error" { Severity::Warning } else { Severity::named(level) },
        labels,
        since: now,
        at: now,
        words: Words {
            summary: title.to_owned(),
            description: [culprit, url].into_iter().flatten().collect::<Vec<_>>().join("\n"),
        },
        chinese: None,
    })
}

//! What the tests of notifications share.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::fields::Place;
use super::notice::{Notice, Source, State, Words, episode};
use super::read::parse;
use super::routing::Routing;
use crate::operations::Severity;

/// A moment.
pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("a moment")
}

/// What a text of `notify.toml` says, in Shanghai.
pub fn routing(text: &str) -> Routing {
    try_routing(text).expect("a routing")
}

/// The same, or what is wrong with it.
pub fn try_routing(text: &str) -> Result<Routing, String> {
    parse(Place { path: Path::new("notify.toml"), text }, chrono_tz::Asia::Shanghai)
        .map_err(|error| format!("{error:#}"))
}

/// Something that is wrong since noon.
pub fn notice(name: &str, severity: Severity) -> Notice {
    Notice {
        episode: episode(&[name]),
        state: State::Firing,
        source: Source::Alertmanager,
        wanted: String::new(),
        name: name.to_owned(),
        subject: String::new(),
        severity,
        labels: [].into(),
        since: at("2026-11-27T12:00:00Z"),
        at: at("2026-11-27T12:00:00Z"),
        words: Words { summary: "slow".to_owned(), description: String::new() },
        chinese: None,
    }
}

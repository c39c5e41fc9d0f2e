//! Who goes on with a release by itself, and what is told of it.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use anyhow::Result;
use chrono::{DateTime, TimeDelta, Utc};

use super::judge::Verdict;
use super::state::{Stage, read};
use super::steps::go_on;
use crate::common::language::t;
use crate::config::Config;
use crate::operations::alert::{Alert, Severity};
use crate::operations::clock::{Clock, Stop};
use crate::operations::duties::Duty;

/// How often it is seen whether a run has published.
const EVERY: TimeDelta = TimeDelta::seconds(30);

/// How long it is told that a release went back, unless another one begins.
const TOLD: TimeDelta = TimeDelta::days(3);

/// What follows a run: clicks came with it.
pub(crate) fn after_run(config: &Config) {
    if let Err(error) = go_on(config) {
        tracing::warn!("the release could not go on: {error:#}");
    }
}

/// Goes on whenever a run has published.
pub(crate) fn duty() -> Duty {
    Duty { name: "release", attend }
}

fn attend(config: &Config, clock: &dyn Clock, stop: &Stop) -> Result<()> {
    let mut seen = None;
    loop {
        let now = fs::metadata(config.warehouse_path()).ok().map(|about| (about.ino(), about.mtime()));
        if now != seen {
            after_run(config);
            seen = now;
        }
        if clock.wait(clock.now() + EVERY, stop) {
            return Ok(());
        }
    }
}

/// What is wrong with a release: it went back by itself, or it gets on too slowly to be decided.
pub(crate) fn alerts(config: &Config, now: DateTime<Utc>) -> Result<Vec<Alert>> {
    let Some(release) = read(config)? else { return Ok(Vec::new()) };
    let alert = |name: &str, summary: String, description: String| {
        let labels = BTreeMap::from([("version".to_owned(), release.version.clone())]);
        let (name, subject) = (name.to_owned(), release.version.clone());
        vec![Alert { name, subject, severity: Severity::Warning, summary, description, labels }]
    };
    let why = release.why.clone().unwrap_or_default();
    let last = release.looks.last().map(|look| look.verdict);
    let is_late = now - release.until() > TimeDelta::minutes(release.minutes);
    Ok(match release.stage {
        Stage::WentBack if release.ended_at.is_some_and(|at| now - at < TOLD) => alert(
            "ReleaseWentBack",
            t!("version {} was not released: {why}", "版本 {} 未能发布：{why}", release.version),
            t!(
                "The current version answers all visitors. `nearset release show` has the figures; `nearset evaluate --model` measures \
                 both versions on the same visits.",
                "所有访客都由当前版本应答。数字见 `nearset release show`；`nearset evaluate --model` 在同一批访问上比较两个版本。"
            ),
        ),
        Stage::Canary if is_late && last.is_none_or(|verdict| verdict == Verdict::TooFew) => alert(
            "ReleaseStuck",
            t!(
                "the release of version {} gets on too slowly to be decided",
                "版本 {} 的发布进展太慢，无法判定",
                release.version
            ),
            t!(
                "Its time is over twice, and there are too few exposures: see whether runs publish and take the exposure log in, or \
                 decide with `nearset release promote` or `nearset release abort`.",
                "已超过两倍期限，曝光仍然太少：请查看运行是否发布并读入曝光日志，或用 `nearset release promote`、`nearset release abort` 决定。"
            ),
        ),
        _ => Vec::new(),
    })
}

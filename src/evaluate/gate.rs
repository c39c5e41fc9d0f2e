//! Whether a new version may become current: it and the current one on the same visits.

use std::path::Path;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::Connection;

use super::held_out::STEPS;
use super::replay::replay;
use crate::common::language::{either, t};
use crate::model::{self, ListMetrics, Model, OfflineSummary};
use crate::recommend::Policy;
use crate::train::{self, Training, TrainingWindow};
use crate::warehouse::timestamp;

/// What the current version is called, and the new one's stand-in, where both are replayed on the same visits.
const CURRENT: &str = "current";
const CHALLENGER: &str = "challenger";

/// The fewest steps on which two versions are compared.
const FEWEST_COMPARED: i64 = 200;

/// Replays the current version and a challenger on the same visits, where enough came after the current version was
/// trained. The challenger has the new version's ranker and has seen no more than the current version has.
///
/// # Errors
/// The steps cannot be read, the challenger not trained, or the lists not written.
pub fn replay_current(
    training: &Training<'_>,
    models_dir: &Path,
    holdout: &Model,
    from: DateTime<Utc>,
    policy: &Policy,
) -> Result<()> {
    let Some(version) = model::current(models_dir) else { return Ok(()) };
    // one that cannot be read any more is nothing to compare with; loading says why when it is asked to serve
    let Ok(current) = model::load(models_dir, &version) else { return Ok(()) };
    let until = current.manifest.trained_at.max(from);
    let condition = format!("visit_first_viewed_at >= {}", timestamp(until));
    let pairs = train::read_pairs(training.db, &holdout.by_id, &condition, STEPS)?;
    if (pairs.len() as i64) < FEWEST_COMPARED {
        return Ok(());
    }
    let mut challenger =
        training.recall(TrainingWindow { as_of: training.as_of, until: Some(until), without: None })?;
    challenger.parts.ranker = holdout.parts.ranker.clone();
    replay(training.db, CHALLENGER, &challenger, &pairs, policy, false)?;
    // the same steps, as the current version numbers its items
    let pairs = train::read_pairs(training.db, &current.by_id, &condition, STEPS)?;
    replay(training.db, CURRENT, &current, &pairs, policy, false)
}

/// How the hit rates among the first ten of two models differ on the same held-out steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Difference {
    /// How many steps both answered.
    pub pairs: i64,
    /// The rate of the new one less that of the old one.
    pub difference: f64,
    /// Half the width of its 95 % interval.
    pub margin: f64,
}

/// Compares two models that were replayed; `None` where they share too few steps.
///
/// # Errors
/// What was replayed cannot be read.
pub fn difference(db: &Connection, new: &str, old: &str) -> Result<Option<Difference>> {
    let (pairs, difference, margin): (i64, Option<f64>, Option<f64>) = db
        .query_row(
            "select count(*), avg(d), z_95() * stddev_pop(d) / sqrt(count(*))
             from (
                 select coalesce(new.place <= 10, false)::integer - coalesce(old.place <= 10, false)::integer as d
                 from raw.offline_replays as new
                 inner join raw.offline_replays as old
                     on old.action_row_id = new.action_row_id and old.list = new.list and old.model = ?
                 where new.model = ? and new.list = 'detail'
             )",
            [old, new],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .context(either("the versions cannot be compared", "版本无法比较"))?;
    Ok(match (difference, margin) {
        (Some(difference), Some(margin)) if pairs >= FEWEST_COMPARED => Some(Difference { pairs, difference, margin }),
        _ => None,
    })
}

/// Why a new version is clearly worse than the current one, where it is: on the same visits, where there are such, the
/// 95 % interval of the difference of their hit rates lies below zero; else the intervals of their own held-out visits do
/// not touch.
///
/// # Errors
/// What was replayed cannot be read.
pub fn worse(db: &Connection, models_dir: &Path, summary: &OfflineSummary) -> Result<Option<String>> {
    let Some(manifest) = model::current(models_dir).and_then(|v| model::read_manifest(models_dir, &v).ok()) else {
        return Ok(None);
    };
    let found = difference(db, CHALLENGER, CURRENT)?;
    if let Some(Difference { pairs, difference, margin }) = found {
        if difference + margin < 0.0 {
            return Ok(Some(t!(
                "on the same {pairs} steps of visits the new version's hit rate@10 is {:.4} below that of {} (at \
                 least {:.4})",
                "在同样的 {pairs} 步访问上，新版本的命中率@10 比 {1} 低 {0:.4}（至少低 {2:.4}）",
                -difference,
                manifest.version,
                -(difference + margin)
            )));
        }
        return Ok(None);
    }
    let Some(old) = &manifest.metrics else { return Ok(None) };
    let of =
        |summary: &OfflineSummary, pick: fn(&ListMetrics) -> Option<f64>| summary.metrics.measured().and_then(pick);
    if let (Some(high), Some(low)) = (of(summary, |m| m.hit_rate_10_high), of(old, |m| m.hit_rate_10_low))
        && high < low
    {
        return Ok(Some(t!(
            "the new version's hit rate@10 is at most {high:.4} on held-out visits, where {} reached at least \
             {low:.4}",
            "新版本在留出访问上的命中率@10 至多 {high:.4}，而 {} 至少有 {low:.4}",
            manifest.version
        )));
    }
    Ok(None)
}

//! The held-out visits against a model that has not seen them.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::Connection;

use super::replay::replay;
use crate::common::language::either;
use crate::config::Config;
use crate::model::Model;
use crate::recommend::Policy;
use crate::train::{self, Training};
use crate::warehouse::timestamp;

/// What the model is called that was trained without the held-out visits.
pub const HOLDOUT: &str = "holdout";

/// The most steps that are replayed.
pub const STEPS: usize = 20_000;

/// What the settings ask of lists, without the operator's rules: quality is measured before those.
pub fn policy(config: &Config) -> Policy {
    Policy {
        diversity: config.lists.diversity.everyone,
        per_provider: config.lists.provider_limit,
        ..Policy::default()
    }
}

/// Forgets what was replayed before.
///
/// # Errors
/// The warehouse cannot be written.
pub fn forget(db: &Connection) -> Result<()> {
    db.execute_batch("delete from raw.offline_replays; delete from raw.offline_shown; delete from raw.offline_entries;")
        .context(either("what was replayed before could not be removed", "以前的回放无法删除"))
}

/// Replays the held-out visits against `holdout`, which has not seen them.
///
/// # Errors
/// The visits cannot be read, or what came of them cannot be written.
pub fn replay_held_out(training: &Training<'_>, holdout: &Model, from: DateTime<Utc>, policy: &Policy) -> Result<()> {
    let db = training.db;
    forget(db)?;
    let condition = format!("visit_first_viewed_at >= {}", timestamp(from));
    let pairs = train::read_pairs(db, &holdout.by_id, &condition, STEPS)?;
    replay(db, HOLDOUT, holdout, &pairs, policy, true)
}

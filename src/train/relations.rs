//! The relations that training reads as they were for a part of the visits.

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use duckdb::Connection;

use crate::sql_project::Project;
use crate::warehouse::timestamp;

/// Which visits a model sees.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// The moment that stands for now.
    pub as_of: DateTime<Utc>,
    /// Only what was before; all there is, where that is `None`.
    pub until: Option<DateTime<Utc>>,
    /// Without the visits that began from the first moment until before the second.
    pub without: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

/// The relations that depend on [`Seen`], each after those it reads.
const SEEN_THROUGH: [&str; 11] = [
    "training_views",
    "training_orders",
    "popularity",
    "popular_datasets",
    "covisits",
    "behaviour_neighbours",
    "affinities",
    "past_visits",
    "user_history",
    "trending",
    "list_evidence",
];

/// Runs `with` while the relations hold what `seen` lets them: those in the warehouse hold everything, so for less their
/// queries run again, into temporary tables that go before the relations of the same names.
pub fn fit_relations<T>(db: &Connection, project: &Project, seen: Seen, with: impl FnOnce() -> Result<T>) -> Result<T> {
    if seen.until.is_none() && seen.without.is_none() {
        return with();
    }
    let moment = |moment: Option<DateTime<Utc>>| moment.map_or("cast(null as timestamp)".to_owned(), timestamp);
    let set = |seen: Seen| {
        let (from, until) = seen.without.unzip();
        db.execute_batch(&format!(
            "set variable as_of = {};
             set variable train_until = {};
             set variable held_out_from = {};
             set variable held_out_until = {};",
            timestamp(seen.until.unwrap_or(seen.as_of)),
            moment(seen.until),
            moment(from),
            moment(until)
        ))
    };
    set(seen)?;
    let result = SEEN_THROUGH
        .iter()
        .try_for_each(|name| {
            let sql = &project.get(name)?.sql;
            db.execute_batch(&format!("create or replace temp table {name} as\n{sql}"))
                .with_context(|| format!("{name} before the held-out visits"))
        })
        .and_then(|()| with());
    for name in SEEN_THROUGH.iter().rev() {
        db.execute_batch(&format!("drop table if exists temp.{name}"))?;
    }
    set(Seen { until: None, without: None, ..seen })?;
    result
}

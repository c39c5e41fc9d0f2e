//! How good the lists are: held-out visits replayed against a model that has not seen them. SQL does the arithmetic
//! (`sql/evaluate/`); this writes what it reads and the files it makes.

mod replay;
pub mod reports;
pub mod table;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use chrono::{DateTime, Utc};
use duckdb::Connection;
use serde_json::{Map, Value, json};

use crate::model::{self, ListFigures, ListMetrics, Model, OfflineSummary};
use crate::recommend::Policy;
use crate::train::{self, Training, TrainingWindow};
use crate::warehouse::timestamp;
pub use replay::replay;

/// What the model is called that was trained without the held-out visits.
pub const TWIN: &str = "twin";

/// What the current version is called, and the new one's stand-in, where both are replayed on the same visits.
const CURRENT: &str = "current";
const CHALLENGER: &str = "challenger";

/// The most steps that are replayed.
pub const STEPS: usize = 20_000;

/// Forgets what was replayed before.
pub fn forget(db: &Connection) -> Result<()> {
    db.execute_batch("delete from raw.offline_replays; delete from raw.offline_shown;")
        .context("what was replayed before could not be removed")
}

/// Replays the held-out visits against `twin`, which has not seen them.
pub fn replay_held_out(training: &Training<'_>, twin: &Model, from: DateTime<Utc>, policy: &Policy) -> Result<()> {
    let db = training.db;
    forget(db)?;
    let condition = format!("visit_first_viewed_at >= {}", timestamp(from));
    let pairs = train::read_pairs(db, &twin.by_id, &condition, STEPS)?;
    replay(db, TWIN, twin, &pairs, policy, true)
}

/// A query's rows as JSON objects, columns in their order.
pub fn rows(db: &Connection, sql: &str) -> Result<Vec<Map<String, Value>>> {
    let mut statement = db
        .prepare(&format!("select to_json(t)::varchar from (\n{sql}\n) as t"))
        .map_err(|e| anyhow!("{}", crate::warehouse::message(&e)))?;
    let texts: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
    texts.iter().map(|text| Ok(serde_json::from_str(text)?)).collect()
}

/// `summary.json`: the offline figures, from `offline_metrics`.
pub fn summary(db: &Connection, as_of: DateTime<Utc>) -> Result<OfflineSummary> {
    let holdout = rows(
        db,
        "select strftime(holdout_from, '%Y-%m-%dT%H:%M:%SZ') as \"from\", strftime(last_at, '%Y-%m-%dT%H:%M:%SZ') as \"to\",
             (select count(*) from next_pages where visit_first_viewed_at >= holdout_from) as pairs
         from holdout",
    )?;
    let mut lists = BTreeMap::new();
    let figures = format!("select * from offline_metrics where model = '{TWIN}' order by list, segment");
    for mut row in rows(db, &figures)? {
        row.shift_remove("model");
        let (list, segment) = (row.shift_remove("list"), row.shift_remove("segment"));
        let text = |value: Option<Value>| value.and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default();
        lists.entry(text(list)).or_insert_with(BTreeMap::new).insert(text(segment), Value::Object(row));
    }
    let all = |list: &BTreeMap<String, Value>| list.get("all").cloned().unwrap_or(json!({}));
    let detail = lists.remove("detail").unwrap_or_default();
    let segments: BTreeMap<&str, &Value> = detail.iter().map(|(name, row)| (name.as_str(), row)).collect();
    let popular = lists.get("popular").map_or(json!({}), &all);
    let is_ablation = |name: &str| name.starts_with("detail ");
    let channels: BTreeMap<&str, Value> =
        lists.iter().filter(|(name, _)| !is_ablation(name)).map(|(name, list)| (name.as_str(), all(list))).collect();
    let comparison = format!("select * exclude (model) from offline_comparison where model = '{TWIN}' order by list");
    let ablation: Vec<Map<String, Value>> =
        rows(db, &comparison)?.into_iter().filter(|row| row["list"].as_str().is_some_and(is_ablation)).collect();
    let summary = json!({
        "model_version": null,
        "trained_at": as_of.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "holdout": holdout.into_iter().next().map_or_else(|| json!({"from": null, "to": null, "pairs": 0}), Value::Object),
        "metrics": all(&detail),
        "segments": segments,
        "channels": channels,
        "ablation": ablation,
        "baseline": {"popular": popular},
    });
    serde_json::from_value(summary).context("the offline figures are not of the known form")
}

/// The offline figures in a line, for a person who watches a run.
pub fn headline(summary: &OfflineSummary) -> String {
    let figure = |figures: &ListFigures, of: fn(&ListMetrics) -> Option<f64>| {
        figures.measured().and_then(of).map_or("-".to_owned(), |v| format!("{v:.4}"))
    };
    let OfflineSummary { holdout, metrics, baseline, .. } = summary;
    format!(
        "{} held-out next pages: HR@10 {}, MRR@10 {} (popular alone: {}, {})",
        holdout.pairs,
        figure(metrics, |m| m.hit_rate_10),
        figure(metrics, |m| m.mrr_10),
        figure(&baseline.popular, |m| m.hit_rate_10),
        figure(&baseline.popular, |m| m.mrr_10),
    )
}

/// The fewest steps on which two versions are compared.
const FEWEST_COMPARED: i64 = 200;

/// Replays the current version and a challenger on the same visits, where enough came after the current version was
/// trained. The challenger has the new version's ranker and has seen no more than the current version has.
pub fn replay_current(
    training: &Training<'_>,
    models_dir: &Path,
    twin: &Model,
    from: DateTime<Utc>,
    policy: &Policy,
) -> Result<()> {
    let Some(version) = model::current(models_dir) else { return Ok(()) };
    // one that cannot be read any more is nothing to compare with; loading says why when it is asked to serve
    let Ok(current) = model::load(models_dir, &version) else { return Ok(()) };
    let until = current.manifest.trained_at.max(from);
    let condition = format!("visit_first_viewed_at >= {}", timestamp(until));
    let pairs = train::read_pairs(training.db, &twin.by_id, &condition, STEPS)?;
    if (pairs.len() as i64) < FEWEST_COMPARED {
        return Ok(());
    }
    let mut challenger =
        training.recall(TrainingWindow { as_of: training.as_of, until: Some(until), without: None })?;
    challenger.parts.ranker = twin.parts.ranker.clone();
    replay(training.db, CHALLENGER, &challenger, &pairs, policy, false)?;
    // the same steps, as the current version numbers its items
    let pairs = train::read_pairs(training.db, &current.by_id, &condition, STEPS)?;
    replay(training.db, CURRENT, &current, &pairs, policy, false)
}

/// Why a new version is clearly worse than the current one, where it is: on the same visits, where there are such, the
/// 95 % interval of the difference of their hit rates lies below zero; else the intervals of their own held-out visits do
/// not touch.
pub fn worse(db: &Connection, models_dir: &Path, summary: &OfflineSummary) -> Result<Option<String>> {
    let Some(manifest) = model::current(models_dir).and_then(|v| model::read_manifest(models_dir, &v).ok()) else {
        return Ok(None);
    };
    let (pairs, difference, margin): (i64, Option<f64>, Option<f64>) = db
        .query_row(
            &format!(
                "select count(*), avg(d), z_95() * stddev_pop(d) / sqrt(count(*))
                 from (
                     select coalesce(new.place <= 10, false)::integer - coalesce(old.place <= 10, false)::integer as d
                     from raw.offline_replays as new
                     inner join raw.offline_replays as old
                         on old.action_row_id = new.action_row_id and old.list = new.list and old.model = '{CURRENT}'
                     where new.model = '{CHALLENGER}' and new.list = 'detail'
                 )"
            ),
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .context("the versions cannot be compared")?;
    if let (true, Some(difference), Some(margin)) = (pairs >= FEWEST_COMPARED, difference, margin) {
        if difference + margin < 0.0 {
            return Ok(Some(format!(
                "on the same {pairs} steps of visits the new version's hit rate@10 is {:.4} below that of {} (at least {:.4})",
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
        return Ok(Some(format!(
            "the new version's hit rate@10 is at most {high:.4} on held-out visits, where {} reached at least {low:.4}",
            manifest.version
        )));
    }
    Ok(None)
}

/// `exposure_metrics.json`, from `exposure_summary` and `exposure_metrics`.
pub fn exposure_metrics(db: &Connection) -> Result<Value> {
    let summary = rows(db, "select * from exposure_summary")?.into_iter().next().unwrap_or_else(|| {
        let zero = [
            "exposures_total",
            "requests_total",
            "clicks_total",
            "conversions_total",
            "revenue_total",
            "ctr",
            "cvr",
            "exposures_unique_users",
        ];
        zero.iter().map(|name| ((*name).to_owned(), json!(0))).collect()
    });
    let mut all = Map::from_iter([("summary".to_owned(), Value::Object(summary))]);
    for (breakdown, column) in
        [("versions", "version"), ("variants", "variant"), ("positions", "position"), ("endpoints", "endpoint")]
    {
        let name = if breakdown == "positions" { "cast(name as integer)" } else { "name" };
        let sql = format!(
            "select {name} as {column}, exposures, clicks, conversions, revenue, ctr, cvr, ctr_low, ctr_high
             from exposure_metrics where breakdown = '{breakdown}' order by 1"
        );
        all.insert(breakdown.to_owned(), rows(db, &sql)?.into_iter().map(Value::Object).collect());
    }
    Ok(Value::Object(all))
}

//! How good the lists are: held-out visits replayed against a model that has not seen them. SQL does the arithmetic
//! (`sql/evaluate/`); this writes the lists it joins and the files it makes.

pub mod reports;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, anyhow};
use chrono::{DateTime, Utc};
use duckdb::{Connection, OptionalExt};
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::model::{self, Model};
use crate::recommend::{self, Recommended};
use crate::train::{self, Catalogue};
use crate::warehouse::project::Project;

/// The longest list that figures are given for.
const LIST_LENGTH: usize = 20;

/// Trains on what was before the held-out visits and writes, for every page they start from, the list of each channel
/// to `raw.offline_lists`: none, where there is too little traffic to hold any out. Reads `next_pages` and `holdout`.
pub fn replay(db: &Connection, project: &Project, catalogue: &Catalogue, as_of: DateTime<Utc>) -> Result<()> {
    db.execute_batch("delete from raw.offline_lists")?;
    let from: Option<i64> =
        db.query_row("select epoch_us(holdout_from) from holdout", [], |row| row.get(0)).optional()?;
    let Some(from) = from.and_then(DateTime::from_timestamp_micros) else { return Ok(()) };
    let model =
        train::fit(db, project, catalogue, as_of, Some(from)).context("training without the held-out visits")?;
    let mut statement = db.prepare(
        "select distinct dataset_id from next_pages where visit_first_viewed_at >= (select holdout_from from holdout) order by dataset_id",
    )?;
    let pages: Vec<i64> = statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
    let mut appender = db.appender_to_db("offline_lists", "raw")?;
    for page in &pages {
        for (channel, list) in lists(&model, *page) {
            for (position, entry) in list.iter().enumerate() {
                let item = model.item(entry.item).dataset_id;
                appender.append_row(duckdb::params![channel, page, position as i32, item])?;
            }
        }
    }
    appender.flush().context("the replayed lists could not be written")
}

/// The list of the whole and of each channel alone, for one page.
fn lists(model: &Model, page: i64) -> Vec<(&'static str, Vec<Recommended>)> {
    let page = model.by_id.get(&page).copied();
    let neighbours = page.map(|p| model.neighbours[p as usize].as_slice()).unwrap_or_default();
    let alone = |score: fn(&model::Neighbour) -> f32| {
        let mut ranked: Vec<_> = neighbours.iter().filter(|n| score(n) > 0.0).collect();
        ranked.sort_by(|a, b| score(b).total_cmp(&score(a)).then(a.item.cmp(&b.item)));
        ranked
            .into_iter()
            .take(LIST_LENGTH)
            .map(|n| Recommended {
                item: n.item,
                score: score(n),
                reason: recommend::Reason::Content { similarity: n.content },
            })
            .collect::<Vec<_>>()
    };
    vec![
        ("similar", recommend::similar(model, page, LIST_LENGTH)),
        ("behaviour", alone(|n| n.behaviour)),
        ("content", alone(|n| n.content)),
        ("popular", {
            let mut list = recommend::similar(model, None, LIST_LENGTH + 1);
            list.retain(|entry| Some(entry.item) != page);
            list.truncate(LIST_LENGTH);
            list
        }),
    ]
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
pub fn summary(db: &Connection, as_of: DateTime<Utc>) -> Result<Value> {
    let holdout = rows(
        db,
        "select strftime(holdout_from, '%Y-%m-%dT%H:%M:%SZ') as \"from\", strftime(last_at, '%Y-%m-%dT%H:%M:%SZ') as \"to\",
             (select count(*) from next_pages where visit_first_viewed_at >= holdout_from) as pairs
         from holdout",
    )?;
    let mut channels = BTreeMap::new();
    for mut row in rows(db, "select * from offline_metrics order by channel")? {
        let channel = row.shift_remove("channel");
        channels.insert(channel.and_then(|c| c.as_str().map(str::to_owned)).unwrap_or_default(), row);
    }
    let metrics = channels.remove("similar").unwrap_or_default();
    let popular = channels.remove("popular").unwrap_or_default();
    Ok(json!({
        "model_version": null,
        "trained_at": as_of.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "holdout": holdout.into_iter().next().map_or_else(|| json!({"from": null, "to": null, "pairs": 0}), Value::Object),
        "metrics": metrics,
        "channels": channels,
        "baseline": {"popular": popular},
    }))
}

/// The offline figures in a line, for a person who watches a run.
pub fn headline(summary: &Value) -> String {
    let pairs = summary["holdout"]["pairs"].as_u64().unwrap_or(0);
    let figure = |part: &Value, name: &str| part[name].as_f64().map_or("-".to_owned(), |v| format!("{v:.4}"));
    format!(
        "{pairs} held-out next pages: HR@10 {}, MRR@10 {} (popular alone: {}, {})",
        figure(&summary["metrics"], "hit_rate@10"),
        figure(&summary["metrics"], "mrr@10"),
        figure(&summary["baseline"]["popular"], "hit_rate@10"),
        figure(&summary["baseline"]["popular"], "mrr@10"),
    )
}

/// Refuses a version whose hit rate is clearly below the current one's: their 95 % intervals do not touch.
pub fn gate(models_dir: &Path, summary: &Value) -> Result<()> {
    let Some(manifest) = model::current(models_dir).and_then(|v| model::read_manifest(models_dir, &v).ok()) else {
        return Ok(());
    };
    let figure = |metrics: &Value, name: &str| metrics["metrics"][name].as_f64();
    let Some(old) = &manifest.metrics else { return Ok(()) };
    if let (Some(high), Some(low)) = (figure(summary, "hit_rate@10_high"), figure(old, "hit_rate@10_low"))
        && high < low
    {
        return Err(Failure::Gate(format!(
            "the new version's hit rate@10 is at most {high:.4} on held-out visits, where {} reached at least {low:.4}",
            manifest.version
        ))
        .into());
    }
    Ok(())
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

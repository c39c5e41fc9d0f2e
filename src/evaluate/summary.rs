//! `summary.json`: the offline figures of a training.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, Utc};
use duckdb::Connection;
use serde_json::{Map, Value, json};

use super::held_out::HOLDOUT;
use crate::warehouse::rows;

/// `summary.json`: the offline figures, from `offline_metrics`.
pub fn summary(db: &Connection, as_of: DateTime<Utc>) -> Result<Value> {
    let holdout: Vec<Map<String, Value>> = rows(
        db,
        "select strftime(holdout_from, '%Y-%m-%dT%H:%M:%SZ') as \"from\", strftime(last_at, '%Y-%m-%dT%H:%M:%SZ') as \"to\",
             (select count(*) from next_pages where visit_first_viewed_at >= holdout_from) as pairs
         from holdout",
    )?;
    let mut lists = BTreeMap::new();
    let figures = format!("select * from offline_metrics where model = '{HOLDOUT}' order by list, segment");
    for mut row in rows::<Map<String, Value>>(db, &figures)? {
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
    let comparison =
        format!("select * exclude (model) from offline_comparison where model = '{HOLDOUT}' order by list");
    let ablation: Vec<Map<String, Value>> = rows::<Map<String, Value>>(db, &comparison)?
        .into_iter()
        .filter(|row| row["list"].as_str().is_some_and(is_ablation))
        .collect();
    Ok(json!({
        "model_version": null,
        "trained_at": as_of.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
        "holdout": holdout.into_iter().next().map_or_else(|| json!({"from": null, "to": null, "pairs": 0}), Value::Object),
        "metrics": all(&detail),
        "segments": segments,
        "channels": channels,
        "ablation": ablation,
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

//! `summary.json`: the offline figures of a training, and beside them what the old system's file held.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use super::daily::Row as Columns;
use super::held_out::HOLDOUT;
use super::replay::is_ablation;
use crate::common::language::t;
use crate::model::{Ablation, Baseline, Holdout, ListFigures, ListMetrics, OfflineSummary};
use crate::warehouse::rows;

/// A row of `offline_metrics`.
#[derive(Deserialize)]
struct Row {
    list: String,
    segment: String,
    #[serde(flatten)]
    metrics: ListMetrics,
}

/// The offline figures of the model that has not seen the held-out visits, from `offline_metrics` and
/// `offline_comparison`.
///
/// # Errors
/// A relation is missing, or not of the known form.
pub fn summary(db: &Connection, as_of: DateTime<Utc>) -> Result<OfflineSummary> {
    let holdout: Vec<Holdout> = rows(
        db,
        "select strftime(holdout_from, '%Y-%m-%dT%H:%M:%SZ') as \"from\", strftime(last_at, '%Y-%m-%dT%H:%M:%SZ') as \"to\",
             (select count(*) from next_pages where visit_first_viewed_at >= holdout_from) as pairs
         from holdout",
    )?;
    let mut lists: BTreeMap<String, BTreeMap<String, ListFigures>> = BTreeMap::new();
    let figures = format!("select * exclude (model) from offline_metrics where model = '{HOLDOUT}'");
    for Row { list, segment, metrics } in rows(db, &figures)? {
        lists.entry(list).or_default().insert(segment, ListFigures::Measured(Box::new(metrics)));
    }
    let segments = lists.remove("detail").unwrap_or_default();
    let all = |segments: &BTreeMap<String, ListFigures>| segments.get("all").cloned().unwrap_or_default();
    lists.retain(|name, _| !is_ablation(name));
    let comparison =
        format!("select * exclude (model) from offline_comparison where model = '{HOLDOUT}' order by list");
    let ablation = rows::<Ablation>(db, &comparison)?.into_iter().filter(|row| is_ablation(&row.list)).collect();
    Ok(OfflineSummary {
        model_version: None,
        trained_at: as_of.to_rfc3339_opts(SecondsFormat::Secs, true),
        holdout: holdout.into_iter().next().unwrap_or_default(),
        metrics: all(&segments),
        baseline: Baseline { popular: lists.get("popular").map(all).unwrap_or_default() },
        segments,
        channels: lists.iter().map(|(name, segments)| (name.clone(), all(segments))).collect(),
        ablation,
    })
}

/// What is in `summary.json`.
#[derive(Serialize)]
struct SummaryFile<'a> {
    #[serde(flatten)]
    offline: &'a OfflineSummary,
    /// The row of `summary_totals`: the old system's names.
    #[serde(flatten)]
    totals: Columns,
}

/// The content of `summary.json`.
///
/// # Errors
/// `summary_totals` cannot be read.
pub fn summary_file(db: &Connection, offline: &OfflineSummary) -> Result<Vec<u8>> {
    let totals = rows(db, "from summary_totals")?.pop().unwrap_or_default();
    Ok(serde_json::to_vec_pretty(&SummaryFile { offline, totals })?)
}

/// The offline figures in a line, for a person who watches a run.
pub fn headline(summary: &OfflineSummary) -> String {
    let figure = |figures: &ListFigures, of: fn(&ListMetrics) -> Option<f64>| {
        figures.measured().and_then(of).map_or("-".to_owned(), |v| format!("{v:.4}"))
    };
    let OfflineSummary { holdout, metrics, baseline, .. } = summary;
    t!(
        "{} held-out next pages: HR@10 {}, MRR@10 {} (popular alone: {}, {})",
        "留出的下一页 {} 个：HR@10 {}，MRR@10 {}（只按热门：{}，{}）",
        holdout.pairs,
        figure(metrics, |m| m.hit_rate_10),
        figure(metrics, |m| m.mrr_10),
        figure(&baseline.popular, |m| m.hit_rate_10),
        figure(&baseline.popular, |m| m.mrr_10),
    )
}

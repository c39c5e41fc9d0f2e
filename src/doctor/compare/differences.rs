//! Figure by figure: what the old file says, what nearset says.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::NaiveDate;
use duckdb::Connection;
use serde::Serialize;
use serde_json::{Value, json};

use super::files::{figures, is_rate};
use super::reasons::{Facts, Seen};
use crate::common::files;
use crate::config::Config;
use crate::evaluate::reports;
use crate::warehouse;

/// A figure of one file and, where it is one of a day, of that day.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// What file it is of.
    pub file: String,
    /// The day it is about.
    pub day: Option<NaiveDate>,
    /// Its place in the file.
    pub figure: String,
    /// What the old system says.
    pub old: f64,
    /// What nearset says; nothing where it has no such figure.
    pub nearset: Option<f64>,
    /// How much more nearset says.
    pub difference: Option<f64>,
    /// Why they differ, where they do.
    pub why: Option<String>,
}

/// All that was compared.
#[derive(Debug, Default, Serialize)]
pub struct Comparison {
    /// Every figure of the old files.
    pub figures: Vec<Difference>,
    /// Files that could not be read, with the reason.
    pub unreadable: Vec<String>,
    /// Files in which there is nothing to compare.
    pub left_out: Vec<String>,
}

/// What a file is about.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// Figures of all time, in the file of that name.
    Whole,
    /// A day's report.
    Daily(NaiveDate),
    /// Days with their figures.
    Reconciliation,
}

impl Kind {
    /// By its name and content; none of what nearset itself wrote and of what holds no figures.
    pub fn of(name: &str, content: &Value) -> Option<Self> {
        let is_own = content.get("model_version").is_some() && content.get("holdout").is_some();
        let bare = name.rsplit('/').next().unwrap_or(name);
        if name.starts_with("daily_reports/") || bare.starts_with("recommendation_report_") {
            return day_of(bare, content).map(Self::Daily);
        }
        if bare.starts_with("reconciliation") {
            return Some(Self::Reconciliation);
        }
        let known = [
            "summary.json",
            "exposure_metrics.json",
            "dataset_metrics.csv",
            "tracking_report_v2.json",
            "tracking_verification.json",
            "data_quality_report_v2.json",
        ];
        (known.contains(&name) && !is_own).then_some(Self::Whole)
    }
}

fn day_of(name: &str, content: &Value) -> Option<NaiveDate> {
    let told = ["/summary/date", "/summary/day", "/date", "/day", "/report_date"];
    let told = told.iter().find_map(|place| content.pointer(place)?.as_str());
    let texts = told.into_iter().chain(name.split(['_', '.']));
    texts
        .flat_map(|text| [("%Y-%m-%d", 10), ("%Y%m%d", 8)].map(|(form, length)| (form, text.get(..length))))
        .find_map(|(form, text)| NaiveDate::parse_from_str(text?, form).ok())
}

/// Whether two figures say the same, up to how they were rounded.
fn is_same(a: f64, b: f64) -> bool {
    let gap = (a - b).abs();
    match a.fract() == 0.0 && b.fract() == 0.0 {
        true => gap < 0.5,
        false => gap <= if a.abs() >= 10.0 { 0.0051 } else { 5.1e-5 },
    }
}

/// Adds the figures of one old file to the comparison.
///
/// # Errors
/// What nearset published cannot be read.
pub(super) fn differences(
    db: &Connection,
    config: &Config,
    (kind, name, old): (Kind, &str, &Value),
    comparison: &mut Comparison,
) -> Result<()> {
    let mut add = |day: Option<NaiveDate>, old: &Value, nearset: &Value| {
        let (old, nearset) = (figures(old), figures(nearset));
        for (figure, old) in old {
            let nearset = nearset.get(&figure).copied();
            let difference = nearset.map(|new| if is_same(old, new) { 0.0 } else { new - old });
            comparison.figures.push(Difference {
                file: name.to_owned(),
                day,
                figure,
                old,
                nearset,
                difference,
                why: None,
            });
        }
    };
    match kind {
        Kind::Whole => {
            let path = config.evaluation_dir().join(name);
            let ours = match (files::read_text(&path)?, name.ends_with(".csv")) {
                (None, _) => Value::Null,
                (Some(text), false) => serde_json::from_str(&text)?,
                (Some(text), true) => super::files::totals(&text)?,
            };
            add(None, old, &ours);
        }
        Kind::Daily(day) => {
            // a day that nothing is known of has no report
            let as_of = warehouse::published_as_of(db)?;
            let ours = reports::daily(db, day, as_of).map_or(Ok(json!({})), serde_json::to_value)?;
            add(Some(day), old, &ours);
        }
        Kind::Reconciliation => {
            let days: BTreeMap<NaiveDate, &Value> = old
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(day, figures)| Some((day.get(..10)?.parse().ok()?, figures)))
                .collect();
            let (Some(first), Some(last)) = (days.keys().next(), days.keys().next_back()) else {
                comparison.left_out.push(name.to_owned());
                return Ok(());
            };
            let ours = reports::reconciliation(db, *first, *last)?;
            for (day, old) in &days {
                let ours = ours.get(day).map_or(Ok(Value::Null), serde_json::to_value)?;
                add(Some(*day), old, &ours);
            }
        }
    }
    Ok(())
}

/// One figure over all the days there are of it.
#[derive(Debug)]
pub(super) struct Line {
    /// The file, or the kind of files that have a day each.
    pub file: String,
    pub figure: String,
    pub days: usize,
    pub differing: usize,
    /// The sum, or the mean of what has none.
    pub old: f64,
    pub nearset: Option<f64>,
    pub why: Option<String>,
}

impl Comparison {
    /// Figures that belong together: one over all its days.
    fn grouped(&self) -> BTreeMap<(String, String), Vec<usize>> {
        let mut groups: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
        for (index, one) in self.figures.iter().enumerate() {
            let file = match one.day {
                Some(_) if one.file.starts_with("reconciliation") => "reconciliation_*.json".to_owned(),
                Some(_) => "daily_reports/*.json".to_owned(),
                None => one.file.clone(),
            };
            groups.entry((file, one.figure.clone())).or_default().push(index);
        }
        groups
    }

    /// Says of each figure that differs why it may.
    pub(super) fn explain(&mut self, facts: &Facts) {
        for ((_, figure), indices) in self.grouped() {
            let of = |index: &usize| &self.figures[*index];
            let all: Vec<(f64, Option<f64>)> = indices.iter().map(|i| (of(i).old, of(i).nearset)).collect();
            let old: f64 = all.iter().map(|(old, _)| old).sum();
            let nearset: f64 = all.iter().filter_map(|(_, new)| *new).sum();
            let is_shifted = indices.len() > 1 && !is_rate(&figure) && is_same(old, nearset);
            for index in indices {
                let one = &self.figures[index];
                let why = match (one.nearset, one.difference) {
                    (Some(_), Some(0.0)) => None,
                    (nearset, _) => Some(facts.why(&Seen { figure: &figure, old: one.old, nearset, is_shifted })),
                };
                self.figures[index].why = why;
            }
        }
    }

    /// The figures that differ, days taken together.
    pub(super) fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for ((file, figure), indices) in self.grouped() {
            let all: Vec<&Difference> = indices.iter().map(|index| &self.figures[*index]).collect();
            let differing = all.iter().filter(|one| one.difference != Some(0.0)).count();
            let parts = if is_rate(&figure) { all.len() as f64 } else { 1.0 };
            let old = all.iter().map(|one| one.old).sum::<f64>() / parts;
            let known: Vec<f64> = all.iter().filter_map(|one| one.nearset).collect();
            let nearset = (!known.is_empty()).then(|| known.iter().sum::<f64>() / parts);
            // that of the day on which they differ most
            let gap = |one: &&&Difference| one.difference.map_or(f64::MAX, f64::abs);
            let worst = all.iter().filter(|one| one.why.is_some()).max_by(|a, b| gap(a).total_cmp(&gap(b)));
            let why = worst.and_then(|one| one.why.clone());
            lines.push(Line { file, figure, days: all.len(), differing, old, nearset, why });
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_found_in_the_file_or_in_its_name() {
        let day = NaiveDate::from_ymd_opt(2026, 10, 3);
        assert_eq!(day_of("report.json", &json!({"summary": {"date": "2026-10-03T00:00:00"}})), day);
        assert_eq!(day_of("recommendation_report_2026-10-03.json", &json!({})), day);
        assert_eq!(day_of("recommendation_report_20261003.json", &json!({})), day);
        assert_eq!(day_of("latest.json", &json!({})), None);
    }

    #[test]
    fn rounding_is_no_difference_and_one_more_order_is() {
        assert!(is_same(0.04713, 0.0471) && is_same(1234.5, 1234.499) && is_same(7.0, 7.0));
        assert!(!is_same(7.0, 8.0) && !is_same(0.047, 0.048) && !is_same(1_000_000.0, 1_000_001.0));
    }
}

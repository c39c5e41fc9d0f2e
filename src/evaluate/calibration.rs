//! What a score is worth: the rate at which entries with such scores were gone to, and whether the score says so itself.

use std::fmt::Write;

use anyhow::Result;
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use super::certainty::{points, share};
use super::drawing::{DotPlot, Dots};
use crate::common::language::{either, t};
use crate::common::terminal::right;
use crate::warehouse::rows;

/// A tenth of the entries of a list, by score: a row of `score_calibration`.
#[derive(Debug, Serialize, Deserialize)]
struct Bin {
    basis: String,
    model: String,
    list: String,
    tenth: u32,
    entries: u64,
    hits: u64,
    score_low: f64,
    score_high: f64,
    predicted: f64,
    observed: f64,
    observed_low: f64,
    observed_high: f64,
    calibrated: Option<f64>,
    calibrated_distance: Option<f64>,
}

/// How far the scores of a list are from probabilities: a row of `score_calibration_error`.
#[derive(Debug, Serialize, Deserialize)]
struct Distance {
    basis: String,
    model: String,
    list: String,
    entries: u64,
    hits: u64,
    predicted: f64,
    observed: f64,
    error: f64,
    chance_error: f64,
    calibrated_error: Option<f64>,
    verdict: String,
}

/// All of both relations.
#[derive(Debug, Default, Serialize)]
pub(super) struct Calibration {
    calibration: Vec<Bin>,
    calibration_error: Vec<Distance>,
}

impl Calibration {
    pub(super) fn read(db: &Connection) -> Result<Self> {
        Ok(Self {
            calibration: rows(db, "from score_calibration order by basis, model, list, tenth")?,
            calibration_error: rows(db, "from score_calibration_error order by basis, model, list")?,
        })
    }

    fn of<'a>(&'a self, model: &'a str) -> impl Iterator<Item = &'a Bin> {
        self.calibration
            .iter()
            .filter(move |row| (&*row.basis, &*row.model, &*row.list) == ("replayed", model, "detail"))
    }

    /// The tenths of `/recommend/detail` of a model.
    pub(super) fn table(&self, model: &str, out: &mut String) -> Result<()> {
        if self.of(model).next().is_none() {
            return Ok(());
        }
        let title = either(
            "what a score of /recommend/detail is worth, by tenths of the entries",
            "/recommend/detail 的分数值多少，按条目的十分位",
        );
        let columns =
            [("score", "分数"), ("observed", "实际"), ("95 %", "95%"), ("calibrated", "校准后"), ("entries", "条目")];
        let [score, observed, interval, calibrated, entries] =
            columns.map(|(english, chinese)| either(english, chinese));
        writeln!(
            out,
            "\n{title}\n  {} {} {} {} {}",
            right(score, 8),
            right(observed, 9),
            right(interval, 17),
            right(calibrated, 10),
            right(entries, 9)
        )?;
        for row in self.of(model) {
            let calibrated = row.calibrated.map_or("-".to_owned(), |rate| format!("{rate:.4}"));
            let interval = format!("{:.4} - {:.4}", row.observed_low, row.observed_high);
            writeln!(
                out,
                "  {:8.4} {:9.4} {interval:>17} {calibrated:>10} {:9}",
                row.predicted, row.observed, row.entries
            )?;
        }
        Ok(())
    }

    /// Whether a score is a probability.
    pub(super) fn sentence(&self, model: &str) -> Option<String> {
        let mut rows = self.calibration_error.iter();
        let row = rows.find(|row| (&*row.basis, &*row.model, &*row.list) == ("replayed", model, "detail"))?;
        let (error, chance) = (points(row.error), points(row.chance_error));
        Some(if row.verdict == "probability" {
            t!(
                "A score can be read as the chance that the visitor goes there next: off by {error} on average, {chance} by chance \
                 alone.",
                "分数可以读作访客下一步前往的概率：平均偏差 {error}，仅因偶然就有 {chance}。"
            )
        } else {
            t!(
                "A score is no chance as it stands: it says {} on average where visitors went in {} (off by {error}, {chance} by chance \
                 alone); `calibrated` in score_calibration is one.",
                "分数本身不是概率：平均为 {}，而访客实际前往 {}（平均偏差 {error}，仅因偶然就有 {chance}）；score_calibration 的 `calibrated` 才是概率。",
                share(row.predicted),
                share(row.observed)
            )
        })
    }

    /// The tenths of `/recommend/detail` of a model, drawn.
    pub(super) fn drawn(&self, model: &str) -> DotPlot {
        DotPlot {
            title: either(
                "How often entries with such scores were gone to next",
                "不同分数的条目，访客下一步前往的比例",
            )
            .to_owned(),
            value: either("observed, 95 %", "实际比例，95%").to_owned(),
            beside: either("score", "分数").to_owned(),
            rows: self
                .of(model)
                .map(|row| Dots {
                    label: format!("{:.4} - {:.4}", row.score_low, row.score_high),
                    value: row.observed,
                    ends: Some((row.observed_low, row.observed_high)),
                    beside: Some(row.predicted),
                })
                .collect(),
        }
    }
}

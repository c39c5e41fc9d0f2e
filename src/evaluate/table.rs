//! The figures of replayed visits as a person and as a program read them.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use super::calibration::Calibration;
use super::certainty::Certainty;
use super::drawing::{DotPlot, Dots};
use super::fairness::Fairness;
use super::held_out::HOLDOUT;
use super::replay::is_ablation;
use crate::common::files;
use crate::common::language::{either, t};
use crate::common::terminal::{left, right};
use crate::model::{Ablation, ListMetrics};
use crate::warehouse::rows;

/// All figures, as `nearset evaluate --json` prints them.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// The rows of `offline_metrics`, the best list first.
    metrics: Vec<ListRow>,
    /// The rows of `offline_comparison`, what is missed most last.
    comparison: Vec<ComparisonRow>,
    #[serde(flatten)]
    certainty: Certainty,
    #[serde(flatten)]
    calibration: Calibration,
    #[serde(flatten)]
    fairness: Fairness,
}

/// One list of one model over some pages.
#[derive(Debug, Serialize, Deserialize)]
struct ListRow {
    model: String,
    list: String,
    segment: String,
    #[serde(flatten)]
    metrics: ListMetrics,
}

/// One list of one model against the whole.
#[derive(Debug, Serialize, Deserialize)]
struct ComparisonRow {
    model: String,
    #[serde(flatten)]
    comparison: Ablation,
}

/// Reads all figures.
///
/// # Errors
/// A relation is missing, or not of the known form.
pub fn figures(db: &Connection) -> Result<Figures> {
    Ok(Figures {
        metrics: rows(db, "from offline_metrics order by model, segment, \"hit_rate@10\" desc, list")?,
        comparison: rows(db, "from offline_comparison order by model, \"hit_rate@10_difference\" desc, list")?,
        certainty: Certainty::read(db)?,
        calibration: Calibration::read(db)?,
        fairness: Fairness::read(db)?,
    })
}

impl Figures {
    /// A table a model and segment, the best list first; then what each part brings, what scores are worth, who gets the places,
    /// and in plain words how sure one can be.
    ///
    /// # Errors
    /// None: what is written to is memory.
    pub fn text(&self) -> Result<String> {
        let mut out = String::new();
        for rows in self.metrics.chunk_by(|a, b| (&a.model, &a.segment) == (&b.model, &b.segment)) {
            // where no page is cold, all others are all
            if rows.iter().all(|row| row.segment != "warm" || self.has_cold(&row.model)) {
                let shown = rows.iter().filter(|row| !is_ablation(&row.list) && !self.is_idle(&row.model, &row.list));
                write_segment(&shown.collect::<Vec<_>>(), &mut out)?;
            }
        }
        let mut ablation: Vec<&ComparisonRow> =
            self.comparison.iter().filter(|row| is_ablation(&row.comparison.list)).collect();
        ablation.retain(|row| {
            row.comparison.list.strip_prefix("detail without ").is_none_or(|part| !self.is_idle(&row.model, part))
        });
        // what is missed most first
        ablation.sort_by(|a, b| {
            a.model.cmp(&b.model).then_with(|| {
                let difference = |row: &ComparisonRow| row.comparison.hit_rate_10_difference.unwrap_or(0.0);
                difference(a).total_cmp(&difference(b)).then_with(|| a.comparison.list.cmp(&b.comparison.list))
            })
        });
        if !ablation.is_empty() {
            let title = either(
                "what each part brings: the whole without it, on the same steps (95 % of the paired difference)",
                "各部分的贡献：去掉它之后的整体，用同样的步（配对差的 95% 区间）",
            );
            writeln!(out, "\n{title}\n  {} {:>17}  {:>17}", left(either("list", "列表"), 32), "HR@10", "MRR@10")?;
        }
        for ComparisonRow { comparison: row, .. } in ablation {
            let change =
                |difference: Option<f64>, margin| format!("{:+.4} ± {}", difference.unwrap_or(0.0), figure(margin, 4));
            let hit_rate = change(row.hit_rate_10_difference, row.hit_rate_10_margin);
            let mrr = change(row.mrr_10_difference, row.mrr_10_margin);
            writeln!(out, "  {} {hit_rate:>17}  {mrr:>17}", left(&ablation_name(&row.list), 32))?;
        }
        for model in self.models() {
            self.calibration.table(model, &mut out)?;
            self.fairness.table(model, &mut out)?;
            let sentences = self.certainty.sentences(model).into_iter();
            let scores = self.calibration.sentence(model).into_iter();
            let all = sentences.chain(scores).chain(self.fairness.evenness(model)).chain(self.fairness.sentence(model));
            writeln!(out, "\n{}", t!("how sure one can be of {}", "{} 的指标有多可靠", name_of(model)))?;
            for sentence in all {
                writeln!(out, "  - {sentence}")?;
            }
        }
        Ok(out)
    }

    /// Draws the figures of each model into a folder and returns the pictures; one of which there is nothing to draw is not
    /// there afterwards.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn draw(&self, folder: &Path) -> Result<Vec<PathBuf>> {
        let mut drawn = Vec::new();
        for model in self.models() {
            let plots = [
                ("hit_rate", self.hit_rates(model)),
                ("calibration", self.calibration.drawn(model)),
                ("places", self.fairness.drawn(model)),
            ];
            for (figure, plot) in plots {
                let path = folder.join(format!("{figure}_{model}.svg"));
                match plot.svg() {
                    Some(svg) => {
                        files::write(&path, svg.as_bytes())?;
                        drawn.push(path);
                    }
                    None => files::remove(&path)?,
                }
            }
        }
        Ok(drawn)
    }

    fn models(&self) -> Vec<&str> {
        let mut models: Vec<&str> = self.metrics.iter().map(|row| row.model.as_str()).collect();
        models.dedup();
        models
    }

    /// How often each list of a model holds the next page, drawn.
    fn hit_rates(&self, model: &str) -> DotPlot {
        let rows = self.metrics.iter().filter(|row| row.model == model && row.segment == "all");
        let rows = rows.filter(|row| !is_ablation(&row.list) && !self.is_idle(model, &row.list));
        DotPlot {
            title: either("Share of steps whose next page is listed", "下一页在列表中的步所占比例").to_owned(),
            value: either("among the first 10, 95 %", "前 10 项，95%").to_owned(),
            beside: either("among the first 20", "前 20 项").to_owned(),
            rows: rows
                .map(|ListRow { list, metrics: m, .. }| Dots {
                    label: list.clone(),
                    value: m.hit_rate_10.unwrap_or(0.0),
                    ends: m.hit_rate_10_low.zip(m.hit_rate_10_high),
                    beside: m.hit_rate_20,
                })
                .collect(),
        }
    }

    fn has_cold(&self, model: &str) -> bool {
        self.metrics.iter().any(|row| row.model == model && row.segment == "cold")
    }

    /// Whether a list of a model is a channel that has nothing to propose from, such as pictures nobody looks at.
    fn is_idle(&self, model: &str, list: &str) -> bool {
        let mut rows = self.metrics.iter().filter(|row| row.model == model && row.list == list && row.segment == "all");
        rows.any(|row| row.metrics.coverage_10 == Some(0.0))
    }
}

/// The columns of a table of lists, with their widths.
const COLUMNS: [(&str, &str, usize); 11] = [
    ("HR@10", "HR@10", 6),
    ("95 %", "95%", 15),
    ("MRR@10", "MRR@10", 6),
    ("NDCG@10", "NDCG@10", 7),
    ("rec@10", "召回率", 6),
    ("HR@5", "HR@5", 6),
    ("HR@20", "HR@20", 6),
    ("MRR@20", "MRR@20", 6),
    ("coverage", "覆盖率", 8),
    ("diversity", "多样性", 9),
    ("novelty", "新颖度", 7),
];

/// Writes the lists of one model over some pages, the best first.
fn write_segment(rows: &[&ListRow], out: &mut String) -> Result<()> {
    let Some(ListRow { model, segment, metrics, .. }) = rows.first() else { return Ok(()) };
    let about = match segment.as_str() {
        "cold" => either("pages with at most 2 views in training", "训练中浏览不超过 2 次的页面"),
        "warm" => either("all other pages", "其余页面"),
        _ => either("all pages", "全部页面"),
    };
    let model = name_of(model);
    writeln!(out, "\n{}", t!("{model}: {about}, {} steps", "{model}：{about}，{} 步", metrics.pairs))?;
    write_row(out, either("list", "列表"), COLUMNS.map(|(english, chinese, _)| either(english, chinese).to_owned()))?;
    for ListRow { list, metrics: m, .. } in rows {
        let cells = [
            figure(m.hit_rate_10, 4),
            format!("{} - {}", figure(m.hit_rate_10_low, 4), figure(m.hit_rate_10_high, 4)),
            figure(m.mrr_10, 4),
            figure(m.ndcg_10, 4),
            figure(m.recall_10, 4),
            figure(m.hit_rate_5, 4),
            figure(m.hit_rate_20, 4),
            figure(m.mrr_20, 4),
            figure(m.coverage_10, 4),
            figure(m.diversity_10, 3),
            figure(m.novelty_10, 2),
        ];
        write_row(out, list, cells)?;
    }
    Ok(())
}

/// A model as a person reads it.
fn name_of(model: &str) -> &str {
    if model == HOLDOUT { either(HOLDOUT, "留出模型") } else { model }
}

fn write_row(out: &mut String, list: &str, cells: [String; COLUMNS.len()]) -> Result<()> {
    write!(out, "  {}", left(list, 12))?;
    for (cell, (.., width)) in cells.iter().zip(COLUMNS) {
        write!(out, " {}", right(cell, width))?;
    }
    Ok(writeln!(out)?)
}

/// The name of a list without a part of it, as a person reads it.
fn ablation_name(list: &str) -> String {
    let chinese = [(" without ", " 去掉 "), (" with ", " 每个供应方至多 "), (" of a provider", " 个")];
    chinese.iter().fold(list.to_owned(), |name, (said, chinese)| name.replace(said, either(said, chinese)))
}

fn figure(value: Option<f64>, digits: usize) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_channel_with_nothing_to_propose_is_no_row_and_all_pages_are_told_once() -> Result<()> {
        let without = |part: &str| json!({"model": HOLDOUT, "list": format!("detail without {part}"), "pairs": 1});
        let rows = |segment: &str| {
            [("detail", 0.9), ("graph", 0.5), ("visual", 0.0)].map(|(list, coverage)| {
                let coverage = (segment == "all").then_some(coverage);
                json!({"model": HOLDOUT, "list": list, "segment": segment, "pairs": 1, "coverage@10": coverage})
            })
        };
        let all = [rows("all"), rows("warm")].concat();
        let mut figures = Figures {
            metrics: serde_json::from_value(json!(all))?,
            comparison: serde_json::from_value(json!([without("graph"), without("visual"), without("variety")]))?,
            certainty: Certainty::default(),
            calibration: Calibration::default(),
            fairness: Fairness::default(),
        };
        let text = figures.text()?;
        for part in ["all pages", "  graph", "detail without graph", "detail without variety"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("visual") && !text.contains("all other pages"), "{text}");
        figures.metrics.extend(serde_json::from_value::<Vec<ListRow>>(json!(rows("cold")))?);
        assert!(figures.text()?.contains("all other pages"));
        Ok(())
    }
}

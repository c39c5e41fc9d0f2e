//! The figures of replayed visits as a person and as a program read them.

use std::fmt::Write;

use anyhow::Result;
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use super::replay::is_ablation;
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
    })
}

impl Figures {
    /// A table a model and segment, the best list first; then what each part brings.
    ///
    /// # Errors
    /// None: what is written to is memory.
    pub fn text(&self) -> Result<String> {
        let mut out = String::new();
        for rows in self.metrics.chunk_by(|a, b| (&a.model, &a.segment) == (&b.model, &b.segment)) {
            write_segment(rows, &mut out)?;
        }
        let mut ablation: Vec<&ComparisonRow> =
            self.comparison.iter().filter(|row| is_ablation(&row.comparison.list)).collect();
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
        Ok(out)
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
fn write_segment(rows: &[ListRow], out: &mut String) -> Result<()> {
    let Some(ListRow { model, segment, metrics, .. }) = rows.first() else { return Ok(()) };
    let about = match segment.as_str() {
        "cold" => either("pages with at most 2 views in training", "训练中浏览不超过 2 次的页面"),
        "warm" => either("all other pages", "其余页面"),
        _ => either("all pages", "全部页面"),
    };
    writeln!(out, "\n{}", t!("{model}: {about}, {} steps", "{model}：{about}，{} 步", metrics.pairs))?;
    write_row(out, either("list", "列表"), COLUMNS.map(|(english, chinese, _)| either(english, chinese).to_owned()))?;
    // a channel that has nothing to propose from, such as pictures nobody looks at, is no row
    let is_idle = |row: &&ListRow| row.metrics.coverage_10 == Some(0.0);
    for ListRow { list, metrics: m, .. } in rows.iter().filter(|row| !is_ablation(&row.list) && !is_idle(row)) {
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

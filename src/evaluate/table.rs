//! The figures of replayed visits as a person and as a program read them.

use std::fmt::Write;

use anyhow::Result;
use duckdb::Connection;
use serde_json::{Map, Value, json};

use crate::warehouse::rows;

/// All figures: `{metrics: [...], comparison: [...]}`.
pub fn json(db: &Connection) -> Result<Value> {
    Ok(json!({
        "metrics": rows::<Map<String, Value>>(db, "from offline_metrics order by model, segment, \"hit_rate@10\" desc, list")?,
        "comparison": rows::<Map<String, Value>>(db, "from offline_comparison order by model, \"hit_rate@10_difference\" desc, list")?,
    }))
}

/// A table a model and segment, the best list first; then what each part brings.
///
/// # Errors
/// A relation cannot be read.
pub fn text(db: &Connection) -> Result<String> {
    let mut out = String::new();
    let groups = "select distinct model, segment, pairs from offline_metrics order by model, segment";
    for group in rows::<Map<String, Value>>(db, groups)? {
        let (model, segment) = (word(&group, "model"), word(&group, "segment"));
        let about = match segment.as_str() {
            "cold" => "pages with at most 2 views in training",
            "warm" => "all other pages",
            _ => "all pages",
        };
        writeln!(out, "\n{model}: {about}, {} steps", group["pairs"])?;
        let sql = format!(
            "select * from offline_metrics where model = '{model}' and segment = '{segment}'
                 and not starts_with(list, 'detail ')
             order by \"hit_rate@10\" desc, list"
        );
        writeln!(
            out,
            "  {:<12} {:>6} {:>15} {:>6} {:>6} {:>6} {:>6} {:>6} {:>6} {:>8} {:>9} {:>7}",
            "list",
            "HR@10",
            "95 %",
            "MRR@10",
            "NDCG@10",
            "rec@10",
            "HR@5",
            "HR@20",
            "MRR@20",
            "coverage",
            "diversity",
            "novelty"
        )?;
        for row in rows::<Map<String, Value>>(db, &sql)? {
            let f = |name: &str| figure(&row, name, 4);
            writeln!(
                out,
                "  {:<12} {:>6} {:>15} {:>6} {:>7} {:>6} {:>6} {:>6} {:>6} {:>8} {:>9} {:>7}",
                word(&row, "list"),
                f("hit_rate@10"),
                format!("{} - {}", f("hit_rate@10_low"), f("hit_rate@10_high")),
                f("mrr@10"),
                f("ndcg@10"),
                f("recall@10"),
                f("hit_rate@5"),
                f("hit_rate@20"),
                f("mrr@20"),
                f("coverage@10"),
                figure(&row, "diversity@10", 3),
                figure(&row, "novelty@10", 2)
            )?;
        }
    }
    let ablation: Vec<Map<String, Value>> = rows(
        db,
        "from offline_comparison where starts_with(list, 'detail ')
         order by model, \"hit_rate@10_difference\", list",
    )?;
    if !ablation.is_empty() {
        writeln!(
            out,
            "\nwhat each part brings: the whole without it, on the same steps (95 % of the paired difference)"
        )?;
        writeln!(out, "  {:<32} {:>17}  {:>17}", "list", "HR@10", "MRR@10")?;
    }
    for row in ablation {
        let change = |name: &str| {
            let value = row[&format!("{name}_difference")].as_f64().unwrap_or(0.0);
            format!("{value:+.4} ± {}", figure(&row, &format!("{name}_margin"), 4))
        };
        writeln!(out, "  {:<32} {:>17}  {:>17}", word(&row, "list"), change("hit_rate@10"), change("mrr@10"))?;
    }
    Ok(out)
}

fn word(row: &Map<String, Value>, name: &str) -> String {
    row[name].as_str().unwrap_or_default().to_owned()
}

fn figure(row: &Map<String, Value>, name: &str, digits: usize) -> String {
    row[name].as_f64().map_or("-".to_owned(), |value| format!("{value:.digits$}"))
}

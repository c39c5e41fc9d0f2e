//! The old system's evaluation files, and the figures in them by their names.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::{Map, Number, Value};
use walkdir::WalkDir;

use crate::common::files;
use crate::common::language::t;

/// Larger files are none of a report.
const MOST_BYTES: u64 = 64 << 20;

/// What tells the objects of a list apart: the first of these that one has.
const NAMES: [&str; 10] = [
    "name",
    "algorithm_version",
    "version",
    "experiment_variant",
    "variant",
    "position",
    "endpoint",
    "degrade_reason",
    "dataset_id",
    "day",
];

/// What says of other days, of the making of the file, or is worked out from what is compared anyway.
const PASSED_OVER: [&str; 11] = [
    "history",
    "history_chart",
    "deltas",
    "comparisons",
    "record_counts",
    "top_datasets",
    "generated_at",
    "operations",
    "params",
    "rejected_rows",
    "duration_seconds",
];

/// A file of the old system.
pub(super) struct OldFile {
    /// Relative to the evaluation folder.
    pub name: String,
    pub path: PathBuf,
    pub content: Result<Value>,
}

/// The JSON and CSV files of an evaluation folder and of those in it, by name.
///
/// # Errors
/// The folder cannot be read.
pub(super) fn old_files(dir: &Path) -> Result<Vec<OldFile>> {
    let mut found = Vec::new();
    for entry in WalkDir::new(dir).max_depth(2).sort_by_file_name() {
        let path = entry.with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?.into_path();
        let name = path.strip_prefix(dir).unwrap_or(&path).to_string_lossy().into_owned();
        let content = match path.extension().and_then(|ending| ending.to_str()) {
            Some("json") => text(&path).and_then(|text| Ok(serde_json::from_str(&text)?)),
            Some("csv") => text(&path).and_then(|text| totals(&text)),
            _ => continue,
        };
        found.push(OldFile { name, path, content });
    }
    Ok(found)
}

fn text(path: &Path) -> Result<String> {
    let bytes = fs::metadata(path).map_or(0, |about| about.len());
    ensure!(
        bytes <= MOST_BYTES,
        t!("it has {} MB, which no report has", "大小为 {} MB，不会是报表", bytes / 1_000_000)
    );
    // Python writes NaN where there is no figure, which is no JSON
    let text = files::read_text(path)?.unwrap_or_default();
    Ok(text.replace(": NaN", ": null").replace(": -Infinity", ": null").replace(": Infinity", ": null"))
}

/// The sums of a table's columns of numbers, and how many rows there are.
pub(super) fn totals(text: &str) -> Result<Value> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header: Vec<String> = fields(lines.next().with_context(|| t!("it is empty", "文件为空"))?);
    let (mut sums, mut rows) = (BTreeMap::<&str, f64>::new(), 0_u64);
    for line in lines {
        rows += 1;
        for (name, field) in header.iter().zip(fields(line)) {
            if let Ok(value) = field.trim().parse::<f64>()
                && value.is_finite()
                && !name.ends_with("_id")
            {
                *sums.entry(name).or_default() += value;
            }
        }
    }
    let mut all = Map::from_iter([("rows".to_owned(), Value::from(rows))]);
    for (name, sum) in sums {
        // a column of shares has no sum that means anything
        let value = if is_rate(name) { sum / rows.max(1) as f64 } else { sum };
        all.insert(name.to_owned(), Number::from_f64(value).map_or(Value::Null, Value::Number));
    }
    Ok(Value::Object(all))
}

/// The fields of a line of CSV.
fn fields(line: &str) -> Vec<String> {
    let (mut found, mut field, mut is_quoted) = (Vec::new(), String::new(), false);
    let mut chars = line.trim_end_matches('\r').chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if is_quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => found.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    found.push(field);
    found
}

/// Whether a figure is a share, a mean or a score, of which there is no sum.
pub(super) fn is_rate(figure: &str) -> bool {
    let leaf = figure.rsplit('.').next().unwrap_or(figure);
    ["rate", "ratio", "ctr", "cvr", "score", "average", "avg", "mean", "share", "coverage", "@", "rank"]
        .iter()
        .any(|part| leaf.contains(part))
}

/// All figures in a file by their paths: `summary.total_views`, `versions.legacy.ctr`.
pub(super) fn figures(value: &Value) -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    gather(value, "", &mut found);
    found
}

fn gather(value: &Value, path: &str, found: &mut BTreeMap<String, f64>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::Number(number) => {
            found.extend(number.as_f64().map(|figure| (path.to_owned(), figure)));
        }
        Value::Object(members) => {
            for (name, member) in members.iter().filter(|(name, _)| !PASSED_OVER.contains(&name.as_str())) {
                gather(member, &below(name), found);
            }
        }
        Value::Array(members) => {
            for (index, member) in members.iter().enumerate() {
                let named = NAMES.iter().find_map(|name| Some((*name, member.get(name)?)));
                let (label, member) = match named {
                    None => (index.to_string(), member.clone()),
                    Some((name, label)) => {
                        let mut rest = member.clone();
                        rest.as_object_mut().and_then(|all| all.remove(name));
                        (label.as_str().map_or_else(|| label.to_string(), str::to_owned), rest)
                    }
                };
                gather(&member, &below(&label), found);
            }
        }
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn figures_have_the_names_of_their_places() {
        let file = json!({
            "summary": {"total": 3, "ctr": 0.5, "day": "2026-10-01"},
            "versions": [{"version": "old", "clicks": 2}, {"clicks": 1}],
            "history": {"2026-09-30": {"total": 9}},
        });
        let found: Vec<String> = figures(&file).iter().map(|(name, figure)| format!("{name}={figure}")).collect();
        assert_eq!(found, ["summary.ctr=0.5", "summary.total=3", "versions.1.clicks=1", "versions.old.clicks=2"]);
    }

    #[test]
    fn a_tables_columns_are_added_up() -> Result<()> {
        let table = totals("dataset_id,title,views,conversion_rate\n7,\"a, \"\"b\"\"\",10,0.5\r\n8,c,5,0.1\n9,d,,\n")?;
        assert_eq!(table["rows"], 3);
        assert_eq!((&table["views"], &table["dataset_id"]), (&json!(15.0), &Value::Null));
        assert!((table["conversion_rate"].as_f64().unwrap_or_default() - 0.2).abs() < 1e-9);
        Ok(())
    }
}

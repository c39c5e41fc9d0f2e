//! `dataset_metrics.csv`: the relation `dataset_metrics`, the most ordered first.

use anyhow::Result;
use duckdb::Connection;
use serde_json::Value;

use super::daily::Row;
use crate::warehouse::rows;

/// The columns, in the order that the old file had.
const COLUMNS: [&str; 8] =
    ["dataset_id", "views", "conversions", "revenue", "title", "price", "create_company_name", "conversion_rate"];

/// The file's text.
///
/// # Errors
/// The relation cannot be read.
pub fn dataset_metrics_csv(db: &Connection) -> Result<String> {
    let mut text = COLUMNS.join(",") + "\n";
    let sql =
        format!("select {} from dataset_metrics order by conversions desc, views desc, dataset_id", COLUMNS.join(", "));
    for row in rows::<Row>(db, &sql)? {
        let cells: Vec<String> = COLUMNS.iter().map(|column| row.get(*column).map_or_else(String::new, cell)).collect();
        text += &cells.join(",");
        text.push('\n');
    }
    Ok(text)
}

/// A value as RFC 4180 has it; nothing for what is unknown.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.contains([',', '"', '\n', '\r']) => format!("\"{}\"", text.replace('"', "\"\"")),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_cell_is_quoted() {
        let cells = ["plain", "a,b", "say \"so\"", "two\nlines"].map(|text| cell(&text.into()));
        assert_eq!(cells, ["plain", "\"a,b\"", "\"say \"\"so\"\"\"", "\"two\nlines\""]);
        assert_eq!((cell(&Value::Null), cell(&12.5.into())), (String::new(), "12.5".to_owned()));
    }
}

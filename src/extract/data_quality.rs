//! What of the source tables was set aside, as a run says it.

use anyhow::Result;
use duckdb::Connection;
use serde::Deserialize;

use super::tables::TABLES;
use crate::common::language::t;
use crate::warehouse::rows;

/// What of a source table was set aside.
#[derive(Debug)]
pub struct SetAside {
    table: String,
    /// By column and reason, the most rows first.
    reasons: Vec<Fault>,
}

/// A row of the relation `set_aside`.
#[derive(Debug, Deserialize)]
struct Fault {
    source_table: String,
    column_name: String,
    reason: String,
    rows: u64,
    table_rows: u64,
    filled_rows: u64,
    example: Option<String>,
}

/// What was set aside, by source table.
///
/// # Errors
/// The relation `set_aside` cannot be read.
pub fn set_aside(db: &Connection) -> Result<Vec<SetAside>> {
    let all: Vec<Fault> = rows(db, "from set_aside order by source_table, rows desc, reason, column_name")?;
    let mut tables: Vec<SetAside> = Vec::new();
    for reason in all {
        match tables.last_mut().filter(|last| last.table == reason.source_table) {
            Some(last) => last.reasons.push(reason),
            None => tables.push(SetAside { table: reason.source_table.clone(), reasons: vec![reason] }),
        }
    }
    Ok(tables)
}

impl Fault {
    /// How often, why, and what stood there.
    fn text(&self) -> String {
        let Self { rows, reason, .. } = self;
        match &self.example {
            Some(example) => t!("{rows} {reason} (such as {})", "{rows} 行 {reason}（例如 {}）", shown(example)),
            None => t!("{rows} {reason}", "{rows} 行 {reason}"),
        }
    }
}

/// A value in quotes, cut where it is long.
fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(40).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    format!("{text:?}")
}

impl SetAside {
    /// A line on it, where it concerns a hundredth of the table's rows or more.
    pub fn note(&self) -> Option<String> {
        let many: Vec<&Fault> = self.reasons.iter().filter(|r| r.rows * 100 >= r.table_rows).collect();
        let all = many.first()?.table_rows;
        let texts: Vec<String> = many.iter().map(|reason| reason.text()).collect();
        let (table, texts) = (&self.table, texts.join(", "));
        Some(t!(
            "{table}: set aside of {all} rows: {texts}; see rejected_rows",
            "{table}：{all} 行中已搁置：{texts}；详见 rejected_rows"
        ))
    }

    /// What is wrong where a column that must be there cannot be read in most rows.
    pub fn unreadable(&self) -> Option<String> {
        let table = TABLES.iter().find(|table| table.name == self.table)?;
        let is_unread = |r: &&Fault| r.reason.ends_with("_not_a_number") || r.reason.ends_with("_not_a_time");
        let worst = self
            .reasons
            .iter()
            .filter(is_unread)
            .find(|r| table.required.contains(&r.column_name.as_str()) && r.filled_rows * 2 > r.table_rows)?;
        let (name, column, value) = (table.name, &worst.column_name, shown(worst.example.as_deref()?));
        let Fault { filled_rows: unread, table_rows: all, .. } = worst;
        let kind = if worst.reason.ends_with("time") { t!("a time", "时间") } else { t!("a whole number", "整数") };
        Some(t!(
            "{name}.{column} is not {kind} in {unread} of {all} rows, such as {value}; export it in a form that is \
             (docs/architecture.md, Extraction)",
            "{name}.{column} 在 {all} 行中有 {unread} 行不是{kind}，例如 {value}；请以可识别的格式重新导出（见 docs/architecture.zh-CN.md）"
        ))
    }
}

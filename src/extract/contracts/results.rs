//! What the contracts found, as a run and `nearset doctor` tell it.

use anyhow::Result;
use duckdb::Connection;
use serde::Deserialize;

use crate::common::language::t;
use crate::common::progress::grouped;
use crate::warehouse::rows;

/// A broken rule: a row of `schema_contract_results`.
#[derive(Debug, Deserialize)]
pub struct Violation {
    source: String,
    table_name: String,
    column_name: String,
    rule: String,
    expected: String,
    severity: String,
    owner: String,
    rows: u64,
    violations: u64,
    example: Option<String>,
}

/// The rules that are broken, the gravest first.
///
/// # Errors
/// The relation cannot be read.
pub fn violations(db: &Connection) -> Result<Vec<Violation>> {
    rows(
        db,
        "select source, table_name, column_name, rule, expected, severity, owner, rows, violations, example
         from schema_contract_results
         where status = 'violated'
         order by severity <> 'critical', severity <> 'warning', source, table_name, column_name, rule",
    )
}

impl Violation {
    /// Whether nothing may be published.
    pub fn is_critical(&self) -> bool {
        self.severity == "critical"
    }

    /// Table, column, rule, how many rows, and a value.
    pub fn text(&self) -> String {
        let Self { source, table_name, rule, expected, rows, violations, .. } = self;
        let column = if self.column_name.is_empty() { String::new() } else { format!(".{}", self.column_name) };
        let expected = if expected.is_empty() { String::new() } else { format!(" {expected}") };
        let example = self.example.as_ref().map_or(String::new(), |e| t!(", such as {e:?}", "，例如 {e:?}"));
        let severity = [&self.severity, &self.owner].into_iter().filter(|said| !said.is_empty());
        let severity = severity.cloned().collect::<Vec<_>>().join(", ");
        let (violations, rows) = (grouped(*violations), grouped(*rows));
        t!(
            "contract of {source}.{table_name}{column}: {rule}{expected}: {violations} of {rows} rows{example} ({severity})",
            "{source}.{table_name}{column} 的契约：{rule}{expected}：{rows} 行中有 {violations} 行不符{example}（{severity}）"
        )
    }
}

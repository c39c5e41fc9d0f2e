//! The figures of the report, as its JSON has them.

use std::collections::BTreeMap;

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use crate::warehouse::rows;

/// How good the data of a run are.
#[derive(Debug, Serialize)]
pub(super) struct QualityReport {
    /// The moment that the run stands for.
    pub generated_at: String,
    pub summary: Summary,
    /// A row of `data_quality_scores` each.
    pub tables: BTreeMap<String, TableFigures>,
    /// The checks that found something odd, the gravest first.
    pub anomalies: Vec<Anomaly>,
    /// The rows of `data_quality_alerts`, the gravest first.
    pub alerts: Vec<Alert>,
    /// What to do, once each.
    pub recommendations: Vec<String>,
    /// By `source.table`, what its contract found.
    pub contracts: BTreeMap<String, Contract>,
}

/// All tables together.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// The mean of the tables' scores.
    pub overall_score: f64,
    pub tables: usize,
    pub anomalies: u64,
    /// By severity.
    pub alerts: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TableFigures {
    pub rows: u64,
    pub score: f64,
    pub nulls: Option<f64>,
    pub duplicates: Option<f64>,
    pub set_aside: Option<f64>,
    pub strangers: Option<f64>,
    pub concentration: Option<f64>,
    pub price_outliers: Option<f64>,
    pub day_gaps: Option<f64>,
    pub anomalies: u64,
    pub alerts: u64,
}

#[derive(Deserialize)]
struct ScoreRow {
    table_name: String,
    #[serde(flatten)]
    score: TableFigures,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Anomaly {
    #[serde(rename(serialize = "table"))]
    pub table_name: String,
    #[serde(rename(serialize = "check"))]
    pub check_name: String,
    pub value: f64,
    pub bound: f64,
    pub anomalies: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Alert {
    #[serde(rename(serialize = "table"))]
    pub table_name: String,
    pub severity: String,
    #[serde(rename(serialize = "check"))]
    pub check_name: String,
    pub value: f64,
    pub bound: f64,
    pub advice: String,
}

/// What a table's contract found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Contract {
    /// 1 where it is held, else 0.
    pub status: u8,
    pub rules: usize,
    /// Rows that break a rule, over all rules.
    pub violations: u64,
    pub broken: Vec<Broken>,
}

#[derive(Debug, Serialize)]
pub(super) struct Broken {
    pub column: String,
    pub rule: String,
    pub expected: String,
    pub severity: String,
    pub violations: u64,
    pub example: Option<String>,
}

#[derive(Deserialize)]
struct RuleRow {
    table: String,
    column_name: String,
    rule: String,
    expected: String,
    severity: String,
    violations: u64,
    example: Option<String>,
}

impl QualityReport {
    pub fn read(db: &Connection, as_of: DateTime<Utc>) -> Result<Self> {
        let scores: Vec<ScoreRow> = rows(db, "from data_quality_scores order by table_name")?;
        let anomalies: Vec<Anomaly> = rows(
            db,
            "select table_name, check_name, value, bound, anomalies from data_quality_checks
             where anomalies > 0 order by penalty desc, table_name, check_name",
        )?;
        let alerts: Vec<Alert> =
            rows(db, "from data_quality_alerts order by severity, table_name, check_name <> 'score', check_name")?;
        let tables: BTreeMap<String, TableFigures> =
            scores.into_iter().map(|row| (row.table_name, row.score)).collect();
        let mut by_severity = BTreeMap::from([("critical".to_owned(), 0), ("warning".to_owned(), 0)]);
        let mut recommendations: Vec<String> = Vec::new();
        for alert in &alerts {
            *by_severity.entry(alert.severity.clone()).or_default() += 1;
            if !recommendations.contains(&alert.advice) {
                recommendations.push(alert.advice.clone());
            }
        }
        let mean = tables.values().map(|table| table.score).sum::<f64>() / tables.len().max(1) as f64;
        Ok(Self {
            generated_at: as_of.to_rfc3339_opts(SecondsFormat::Secs, true),
            summary: Summary {
                overall_score: (mean * 100.0).round() / 100.0,
                tables: tables.len(),
                anomalies: tables.values().map(|table| table.anomalies).sum(),
                alerts: by_severity,
            },
            tables,
            anomalies,
            alerts,
            recommendations,
            contracts: contracts(db)?,
        })
    }
}

fn contracts(db: &Connection) -> Result<BTreeMap<String, Contract>> {
    let all: Vec<RuleRow> = rows(
        db,
        "select source || '.' || table_name as \"table\", column_name, rule, expected, severity, violations, example
         from schema_contract_results order by source, table_name, column_name, rule",
    )?;
    let mut contracts: BTreeMap<String, Contract> = BTreeMap::new();
    for row in all {
        let contract = contracts.entry(row.table).or_insert_with(|| Contract { status: 1, ..Contract::default() });
        contract.rules += 1;
        contract.violations += row.violations;
        if row.violations > 0 {
            contract.status = 0;
            contract.broken.push(Broken {
                column: row.column_name,
                rule: row.rule,
                expected: row.expected,
                severity: row.severity,
                violations: row.violations,
                example: row.example,
            });
        }
    }
    Ok(contracts)
}

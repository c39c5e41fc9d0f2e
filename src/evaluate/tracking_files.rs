//! Whether lists can be followed to what came of them, in the two files in which the old system said so:
//! `tracking_report_v2.json` (figures) and `tracking_verification.json` (checks).

use anyhow::Result;
use chrono::{DateTime, SecondsFormat, Utc};
use duckdb::Connection;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::daily::Row;
use crate::sql_project::existing;
use crate::warehouse::rows;

/// `tracking_report_v2.json`.
#[derive(Debug, Serialize)]
pub struct TrackingReport {
    /// `success`, or `no_data` where no list was shown.
    status: &'static str,
    /// The row of `tracking_summary`.
    summary: Row,
    /// By the version that made the list.
    by_version: Vec<Row>,
    /// By the route that was asked.
    by_endpoint: Vec<Row>,
    /// By the position in the list, from 0.
    by_position: Vec<Row>,
    /// The share of views that follow a list and say so, by day and endpoint, where a relation tells.
    coverage: Vec<Row>,
}

/// What can be said of lists by their request ids.
///
/// # Errors
/// A relation cannot be read.
pub fn tracking_report(db: &Connection) -> Result<TrackingReport> {
    let mut summary: Row = rows(db, "from tracking_summary")?.pop().unwrap_or_default();
    let is_empty = summary.get("total_exposures").and_then(Value::as_u64).unwrap_or_default() == 0;
    let status = if is_empty { "no_data" } else { "success" };
    summary.insert("status".to_owned(), status.into());
    let by = |breakdown: &str, name: &str| {
        let sql = format!(
            "select {name}, exposures, clicks, conversions, revenue, ctr, cvr
             from exposure_metrics where breakdown = '{breakdown}' order by 1"
        );
        rows(db, &sql)
    };
    Ok(TrackingReport {
        status,
        summary,
        by_version: by("versions", "name as algorithm_version")?,
        by_endpoint: by("endpoints", "name as endpoint")?,
        by_position: by("positions", "cast(name as integer) as min_position")?,
        coverage: match existing(db)?.contains_key("tracking_coverage") {
            true => rows(db, "from tracking_coverage order by day, endpoint")?,
            false => Vec::new(),
        },
    })
}

/// `tracking_verification.json`.
#[derive(Debug, Serialize)]
pub struct Verification {
    /// The run's `as_of`, in RFC 3339.
    timestamp: String,
    summary: Counts,
    checks: Vec<Check>,
}

#[derive(Debug, Serialize)]
struct Counts {
    total: usize,
    passed: usize,
    failed: usize,
    pass_rate: f64,
}

/// A check, from `tracking_checks`, or from `release_checklist` where there is one.
#[derive(Debug, Serialize, Deserialize)]
struct Check {
    name: String,
    passed: bool,
    message: String,
    /// What to mend where it did not pass.
    details: String,
}

/// Whether each step from an exposure to an order can be followed.
///
/// # Errors
/// A relation cannot be read.
pub fn verification(db: &Connection, as_of: DateTime<Utc>) -> Result<Verification> {
    let mut checks: Vec<Check> = rows(
        db,
        "select name, passed, message, case when passed then '' else advice end as details from tracking_checks order by name",
    )?;
    if existing(db)?.contains_key("release_checklist") {
        checks.extend(rows::<Check>(
            db,
            "select name, coalesce(status = 'ok', false) as passed,
                 name || ' is ' || coalesce(cast(value as varchar), 'unknown') as message,
                 case when status = 'ok' then '' else coalesce(advice, '') end as details
             from release_checklist where status <> 'unknown' order by name",
        )?);
    }
    let (total, passed) = (checks.len(), checks.iter().filter(|check| check.passed).count());
    let pass_rate = if total == 0 { 0.0 } else { passed as f64 / total as f64 };
    Ok(Verification {
        timestamp: as_of.to_rfc3339_opts(SecondsFormat::Secs, true),
        summary: Counts { total, passed, failed: total - passed, pass_rate },
        checks,
    })
}

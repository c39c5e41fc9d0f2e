//! How good the data of a run are, as files: JSON and a page for people, and figures for Prometheus's textfile collector. All
//! is in `data_quality_scores`, `data_quality_checks`, `data_quality_alerts` and `schema_contract_results`.

mod figures;
mod page;
mod prom;

use std::path::PathBuf;

use anyhow::Result;
use chrono::{DateTime, Utc};
use duckdb::Connection;

use crate::config::Config;
use figures::QualityReport;

/// The files' places and contents.
///
/// # Errors
/// A relation is missing, or not of the known form.
pub fn quality_report(db: &Connection, config: &Config, as_of: DateTime<Utc>) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let report = QualityReport::read(db, as_of)?;
    let dir = config.evaluation_dir();
    Ok(vec![
        (dir.join("data_quality_report_v2.json"), serde_json::to_vec_pretty(&report)?),
        (dir.join("data_quality_report_v2.html"), page::html(&report).into_bytes()),
        (dir.join("data_quality_metrics.prom"), prom::text(&report).into_bytes()),
    ])
}

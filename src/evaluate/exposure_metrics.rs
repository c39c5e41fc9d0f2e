//! `exposure_metrics.json`: what was shown, and what came of it.

use anyhow::Result;
use duckdb::Connection;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::warehouse::rows;

/// All of the exposure log, and its parts.
#[derive(Clone, Debug, Serialize)]
pub struct ExposureMetrics {
    /// All exposures.
    pub summary: ExposureSummary,
    /// By the version that made the list.
    pub versions: Vec<OfVersion>,
    /// By the variant of an experiment.
    pub variants: Vec<OfVariant>,
    /// By the position in the list, from 0.
    pub positions: Vec<OfPosition>,
    /// By the route that was asked.
    pub endpoints: Vec<OfEndpoint>,
    /// By the place that lists were shown in.
    pub by_source: Vec<OfSource>,
    /// By what they were shown on.
    pub by_device: Vec<OfDevice>,
}

/// The exposure log in one row of `exposure_summary`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExposureSummary {
    /// Items of answered lists.
    pub exposures_total: u64,
    /// Answered lists.
    pub requests_total: u64,
    /// Exposed items that were viewed with their list's request id.
    pub clicks_total: u64,
    /// Orders attributed to a list.
    pub conversions_total: u64,
    /// What they brought.
    pub revenue_total: f64,
    /// Clicks an exposure.
    pub ctr: f64,
    /// Conversions a click.
    pub cvr: f64,
    /// Known users who were shown anything.
    pub exposures_unique_users: u64,
    /// Columns that an analyst added.
    #[serde(flatten)]
    pub added: Map<String, Value>,
}

/// What came of some exposures: a row of `exposure_metrics`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// How many there were.
    pub exposures: u64,
    /// How many were clicked.
    pub clicks: u64,
    /// Orders attributed to them.
    pub conversions: u64,
    /// What they brought.
    pub revenue: f64,
    /// Clicks an exposure.
    pub ctr: f64,
    /// Conversions a click.
    pub cvr: f64,
    /// The lower bound of `ctr` at 95 % (Wilson 1927).
    pub ctr_low: f64,
    /// The upper bound.
    pub ctr_high: f64,
}

/// The exposures of one version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfVersion {
    /// Its name.
    pub version: String,
    /// What came of them.
    #[serde(flatten)]
    pub rates: Rates,
}

/// The exposures of one variant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfVariant {
    /// Its name.
    pub variant: String,
    /// What came of them.
    #[serde(flatten)]
    pub rates: Rates,
}

/// The exposures at one position.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfPosition {
    /// From 0.
    pub position: u32,
    /// What came of them.
    #[serde(flatten)]
    pub rates: Rates,
}

/// The exposures of one route.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfEndpoint {
    /// Its name in the exposure log.
    pub endpoint: String,
    /// What came of them.
    #[serde(flatten)]
    pub rates: Rates,
}

/// The exposures of one source.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfSource {
    /// As the front end calls it; `unknown`, and `other` for all beyond the fifty that show most.
    pub source: String,
    /// What came of them.
    #[serde(flatten)]
    pub rates: Rates,
}

/// The exposures on one kind of device.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OfDevice {
    /// `mobile`, `tablet`, `desktop`, `bot` or `unknown`.
    pub device_type: String,
    /// What came of them.
    #[serde(flatten)]
    pub rates: Rates,
}

/// Reads the figures from `exposure_summary` and `exposure_metrics`.
///
/// # Errors
/// A relation is missing, or not of that form.
pub fn exposure_metrics(db: &Connection) -> Result<ExposureMetrics> {
    Ok(ExposureMetrics {
        summary: rows(db, "select * from exposure_summary")?.pop().unwrap_or_default(),
        versions: breakdown(db, "versions", "name as version")?,
        variants: breakdown(db, "variants", "name as variant")?,
        positions: breakdown(db, "positions", "cast(name as integer) as position")?,
        endpoints: breakdown(db, "endpoints", "name as endpoint")?,
        by_source: breakdown(db, "sources", "name as source")?,
        by_device: breakdown(db, "devices", "name as device_type")?,
    })
}

fn breakdown<T: DeserializeOwned>(db: &Connection, breakdown: &str, name: &str) -> Result<Vec<T>> {
    let sql = format!(
        "select {name}, exposures, clicks, conversions, revenue, ctr, cvr, ctr_low, ctr_high
         from exposure_metrics where breakdown = '{breakdown}' order by 1"
    );
    rows(db, &sql)
}

//! How much of what came of lists is told by the pages: tracking coverage, and what a release is judged by.

use anyhow::Result;
use chrono::NaiveDate;
use duckdb::Connection;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::sql_project::existing;
use crate::warehouse::rows;

/// The views of one endpoint that came from a list: a row of `tracking_coverage`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// The route that answered the list.
    pub endpoint: String,
    /// Views that came from one of its lists.
    pub views: u64,
    /// Those that carry a request id that was exposed.
    pub tracked: u64,
    /// Those with a request id that no list has.
    pub unknown: u64,
    /// `tracked` a view.
    pub coverage: f64,
    /// What to mend where that is below 0.8.
    pub advice: Option<String>,
    /// The same in Chinese.
    pub advice_zh: Option<String>,
    /// Columns that an analyst added.
    #[serde(flatten)]
    pub added: Map<String, Value>,
}

/// One figure that a release is judged by: a row of `release_checklist`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// `tracking_coverage`, `ctr`, `cvr`, or `freshness_` and a source.
    pub name: String,
    /// A share, or hours; `None` where there is nothing to measure.
    pub value: Option<f64>,
    /// The lower bound.
    pub low: Option<f64>,
    /// The upper bound.
    pub high: Option<f64>,
    /// Of how many views, exposures or clicks.
    pub basis: Option<u64>,
    /// `ok`, `low`, `high` or `unknown`.
    pub status: String,
    /// What to mend where it is outside.
    pub advice: Option<String>,
    /// The same in Chinese.
    pub advice_zh: Option<String>,
    /// Columns that an analyst added.
    #[serde(flatten)]
    pub added: Map<String, Value>,
}

/// The tracking of one day, and what a release is judged by as of the run.
#[derive(Clone, Debug, Serialize)]
pub struct Tracking {
    /// Views of the day that came from a list.
    pub views: u64,
    /// Those that carry a request id that was exposed.
    pub tracked: u64,
    /// `tracked` a view; `None` on a day without one.
    pub coverage: Option<f64>,
    /// The same by endpoint, with what to mend.
    pub endpoints: Vec<Coverage>,
    /// The seven days before the run's moment.
    pub checklist: Vec<Check>,
}

/// What a release is judged by; nothing where the warehouse does not have it yet.
///
/// # Errors
/// `release_checklist` cannot be read.
pub fn checklist(db: &Connection) -> Result<Vec<Check>> {
    match existing(db)?.contains_key("release_checklist") {
        true => rows(db, "select * from release_checklist order by name"),
        false => Ok(Vec::new()),
    }
}

/// The tracking of a day; `None` where the warehouse does not have it yet.
///
/// # Errors
/// A relation cannot be read.
pub fn tracking(db: &Connection, day: NaiveDate) -> Result<Option<Tracking>> {
    if !existing(db)?.contains_key("tracking_coverage") {
        return Ok(None);
    }
    let sql = format!("select * exclude (day) from tracking_coverage where day = '{day}' order by endpoint");
    let endpoints: Vec<Coverage> = rows(db, &sql)?;
    let views = endpoints.iter().map(|row| row.views).sum();
    let tracked = endpoints.iter().map(|row| row.tracked).sum();
    let share = || (tracked as f64 / views as f64 * 1e6).round() / 1e6;
    let coverage = (views > 0).then(share);
    Ok(Some(Tracking { views, tracked, coverage, endpoints, checklist: checklist(db)? }))
}

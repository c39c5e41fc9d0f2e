//! What the warehouse says of experiments: the rows of `experiment_results`.

use anyhow::Result;
use chrono::NaiveDate;
use duckdb::Connection;
use serde::{Deserialize, Serialize};

use crate::sql_project::existing;
use crate::warehouse::rows;

/// All results, the variants of an experiment in their order.
pub const RESULTS: &str = "from experiment_results order by experiment, place nulls last, experiment_variant";

/// What may be said of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is better than the control.
    Better,
    /// It is worse.
    Worse,
    /// Nothing worth finding.
    NoDifferenceFound,
    /// Nothing can be said yet.
    TooEarly,
    /// Visitors do not come as they were allocated: nothing is said.
    SampleRatioOff,
}

impl Verdict {
    /// In English and in Chinese.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Better => ("better than the control", "优于对照组"),
            Self::Worse => ("worse than the control", "劣于对照组"),
            Self::NoDifferenceFound => ("no difference worth finding", "没有值得关注的差异"),
            Self::TooEarly => ("too early to say", "尚无法判断"),
            Self::SampleRatioOff => ("not to be trusted: the sample ratio is off", "不可信：样本比例异常"),
        }
    }

    /// Whether it ends the waiting.
    pub fn is_reached(self) -> bool {
        matches!(self, Self::Better | Self::Worse | Self::NoDifferenceFound)
    }
}

/// Where a variant of an experiment stands; the columns of `experiment_results`, which says what they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the relation describes its columns")]
pub struct VariantResult {
    pub experiment: String,
    pub experiment_variant: String,
    pub is_control: bool,
    pub state: String,
    pub metric: String,
    pub least_effect: f64,
    pub share: Option<f64>,
    pub first_day: Option<NaiveDate>,
    pub last_day: Option<NaiveDate>,
    pub days: Option<u64>,
    pub allocations: Option<u64>,
    pub visitors: u64,
    pub lists: u64,
    pub exposures: u64,
    pub clicks: u64,
    pub orders: u64,
    pub revenue: f64,
    pub rate: Option<f64>,
    pub rate_low: Option<f64>,
    pub rate_high: Option<f64>,
    pub difference: Option<f64>,
    pub difference_low: Option<f64>,
    pub difference_high: Option<f64>,
    pub effect: Option<f64>,
    pub is_enough: bool,
    pub verdict: Option<Verdict>,
    pub decided_on: Option<NaiveDate>,
    pub days_left: Option<u64>,
    pub sample_ratio_p: Option<f64>,
    pub sample_ratio_evidence: Option<f64>,
    pub is_sample_ratio_off: bool,
    pub smoothed_rate: Option<f64>,
}

/// The results of all experiments; none where the warehouse has no such relation, having been made by an older nearset.
///
/// # Errors
/// The relation cannot be read.
pub fn experiment_results(db: &Connection) -> Result<Vec<VariantResult>> {
    if existing(db)?.contains_key("experiment_results") { rows(db, RESULTS) } else { Ok(Vec::new()) }
}

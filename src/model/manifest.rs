//! What a version says of itself: where it comes from, how its ranker was chosen, and how good its lists were.
//!
//! The bytes of a manifest are part of a version, so the order of fields is that in which they are written.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

/// The form in which versions are written. The one before is read, too; those of others have to be trained again.
pub const FORMAT: u32 = 4;

/// What a version is and where it comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of its files: see [`FORMAT`].
    #[serde(default)]
    pub format: u32,
    /// Its name: `trained_at` and the beginning of a hash over its files.
    pub version: String,
    /// The run's `as_of`.
    pub trained_at: DateTime<Utc>,
    /// The nearset that trained it.
    pub nearset_version: String,
    /// How many datasets it knows.
    pub items: usize,
    /// How many of them may stand in lists.
    pub listed_items: usize,
    /// How much the dense view of texts counts beside words, of 1.
    #[serde(default)]
    pub dense_weight: f32,
    /// The model whose vectors stand for texts; `None` for those that need no model.
    #[serde(default)]
    pub text_model: Option<String>,
    /// The model whose vectors stand for pictures; `None` where none looked at them.
    #[serde(default)]
    pub picture_model: Option<String>,
    /// What was tried to order candidates, with its figures, and what was kept; `None` where nothing was learned.
    #[serde(default, deserialize_with = "where_known")]
    pub ranker: Option<RankerChoice>,
    /// The length of the vectors of texts.
    pub dimensions: usize,
    /// The length of the vectors of behaviour.
    #[serde(default)]
    pub behaviour_dimensions: usize,
    /// The held-out figures of the run that trained it.
    #[serde(default, deserialize_with = "where_known")]
    pub metrics: Option<OfflineSummary>,
    /// Each file's SHA-256.
    pub files: BTreeMap<String, String>,
}

/// Reads what another nearset may have written in another form: what is not understood is taken as not said, since nothing
/// that a version answers depends on it.
fn where_known<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(from)?).ok())
}

/// Which kind of ranker was kept, and what else was tried on the same steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankerChoice {
    /// The name of the trial that did best.
    pub kept: String,
    /// How many held-out steps there were to learn from and to measure by.
    pub steps: usize,
    /// How many of them the trials were measured on; none was learned from.
    pub measured_steps: usize,
    /// The prior first, then what was learned, in the order of trying.
    pub trials: Vec<RankerTrial>,
}

/// How high one ranker puts the page that visitors went on to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RankerTrial {
    /// `prior`, `boosted {trees}x{leaves}`, `neural {widths}`, or two of them with a plus.
    pub ranker: String,
    /// The share of steps whose next page is among the first ten.
    #[serde(rename = "hit_rate@10")]
    pub hit_rate: f64,
    /// The mean of one over its rank there.
    #[serde(rename = "mrr@10")]
    pub mrr: f64,
    /// The mean of one over the binary logarithm of its rank and one.
    #[serde(rename = "ndcg@10")]
    pub ndcg: f64,
}

/// The offline figures of a training: `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OfflineSummary {
    /// The version they are of; `None` inside the version itself.
    pub model_version: Option<String>,
    /// The run's `as_of`, in RFC 3339.
    pub trained_at: String,
    /// Which visits were held out.
    pub holdout: Holdout,
    /// `/recommend/detail` over all steps.
    pub metrics: ListFigures,
    /// The same, apart for `cold` and `warm` pages, and for `all`.
    #[serde(default)]
    pub segments: BTreeMap<String, ListFigures>,
    /// Every channel alone, and the lists that need no page.
    #[serde(default)]
    pub channels: BTreeMap<String, ListFigures>,
    /// The whole without each of its parts, on the same steps.
    #[serde(default)]
    pub ablation: Vec<Ablation>,
    /// What has to be beaten.
    pub baseline: Baseline,
}

/// Which visits were held out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Holdout {
    /// The first moment of the held-out visits, in RFC 3339; `None` where there were too few visits to hold any out.
    pub from: Option<String>,
    /// The last.
    pub to: Option<String>,
    /// How many steps they have.
    pub pairs: u64,
}

/// What has to be beaten.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Baseline {
    /// The most viewed datasets, the same for everybody.
    pub popular: ListFigures,
}

/// A list's figures; `{}` where it was not measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ListFigures {
    /// It was.
    Measured(Box<ListMetrics>),
    /// It was not.
    Unmeasured {},
}

impl Default for ListFigures {
    fn default() -> Self {
        Self::Unmeasured {}
    }
}

impl ListFigures {
    /// The figures, where the list was measured.
    pub fn measured(&self) -> Option<&ListMetrics> {
        match self {
            Self::Measured(metrics) => Some(metrics),
            Self::Unmeasured {} => None,
        }
    }
}

/// One list on the held-out steps: a row of `offline_metrics`, by its columns' names. `low` and `high` bound 95 %.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ListMetrics {
    /// How many steps.
    pub pairs: u64,
    /// The share of steps whose next page is among the first ten.
    #[serde(rename = "hit_rate@10")]
    pub hit_rate_10: Option<f64>,
    /// Its lower bound.
    #[serde(rename = "hit_rate@10_low")]
    pub hit_rate_10_low: Option<f64>,
    /// Its upper bound.
    #[serde(rename = "hit_rate@10_high")]
    pub hit_rate_10_high: Option<f64>,
    /// The mean of one over the rank of the next page among the first ten.
    #[serde(rename = "mrr@10")]
    pub mrr_10: Option<f64>,
    /// Its lower bound.
    #[serde(rename = "mrr@10_low")]
    pub mrr_10_low: Option<f64>,
    /// Its upper bound.
    #[serde(rename = "mrr@10_high")]
    pub mrr_10_high: Option<f64>,
    /// The mean of one over the binary logarithm of the rank and one.
    #[serde(rename = "ndcg@10")]
    pub ndcg_10: Option<f64>,
    /// The share of all pages of the visit still to come that are among the first ten.
    #[serde(rename = "recall@10")]
    pub recall_10: Option<f64>,
    /// As at 10, among the first five.
    #[serde(rename = "hit_rate@5")]
    pub hit_rate_5: Option<f64>,
    /// As at 10, among the first five.
    #[serde(rename = "mrr@5")]
    pub mrr_5: Option<f64>,
    /// As at 10, among the first five.
    #[serde(rename = "ndcg@5")]
    pub ndcg_5: Option<f64>,
    /// As at 10, among the first five.
    #[serde(rename = "recall@5")]
    pub recall_5: Option<f64>,
    /// As at 10, among the first twenty.
    #[serde(rename = "hit_rate@20")]
    pub hit_rate_20: Option<f64>,
    /// As at 10, among the first twenty.
    #[serde(rename = "mrr@20")]
    pub mrr_20: Option<f64>,
    /// As at 10, among the first twenty.
    #[serde(rename = "ndcg@20")]
    pub ndcg_20: Option<f64>,
    /// As at 10, among the first twenty.
    #[serde(rename = "recall@20")]
    pub recall_20: Option<f64>,
    /// The share of listed datasets that stood among any first ten; over all pages only.
    #[serde(rename = "coverage@10")]
    pub coverage_10: Option<f64>,
    /// 1 less the mean cosine of the texts of the first ten.
    #[serde(rename = "diversity@10")]
    pub diversity_10: Option<f64>,
    /// The mean of -log2 of the share of all views that the first ten have.
    #[serde(rename = "novelty@10")]
    pub novelty_10: Option<f64>,
    /// Columns that an analyst added.
    #[serde(flatten)]
    pub added: Map<String, Value>,
}

/// One list against `/recommend/detail` on the same steps: a row of `offline_comparison`. `margin` is half of 95 %.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ablation {
    /// The list, such as `detail without graph`.
    pub list: String,
    /// How many steps.
    pub pairs: u64,
    /// What it has more of the hit rate.
    #[serde(rename = "hit_rate@10_difference")]
    pub hit_rate_10_difference: Option<f64>,
    /// How far off that may be.
    #[serde(rename = "hit_rate@10_margin")]
    pub hit_rate_10_margin: Option<f64>,
    /// What it has more of the mean reciprocal rank.
    #[serde(rename = "mrr@10_difference")]
    pub mrr_10_difference: Option<f64>,
    /// How far off that may be.
    #[serde(rename = "mrr@10_margin")]
    pub mrr_10_margin: Option<f64>,
    /// Columns that an analyst added.
    #[serde(flatten)]
    pub added: Map<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures;

    #[test]
    fn fields_are_written_in_their_order() -> serde_json::Result<()> {
        let text = serde_json::to_string(&fixtures::manifest())?;
        let expected = r#"{"format":4,"version":"made-by-hand","trained_at":"1970-01-01T00:00:00Z","nearset_version":"0.1.0",
            "items":7,"listed_items":6,"dense_weight":0.25,"text_model":null,"picture_model":null,
            "ranker":{"kept":"prior","steps":400,"measured_steps":75,"trials":[
            {"ranker":"prior","hit_rate@10":0.5,"mrr@10":0.25,"ndcg@10":0.3},
            {"ranker":"boosted 120x16","hit_rate@10":0.5,"mrr@10":0.25,"ndcg@10":0.25}]},
            "dimensions":2,"behaviour_dimensions":2,"metrics":null,"files":{}}"#;
        assert_eq!(text, expected.lines().map(str::trim_start).collect::<String>());
        Ok(())
    }

    /// A summary as every version so far has it: lists that were measured, one that was not.
    const SUMMARY: &str = r#"{"model_version":null,"trained_at":"2026-11-02T00:00:00Z",
        "holdout":{"from":"2026-10-28T00:00:00Z","to":"2026-11-01T23:59:00Z","pairs":12},
        "metrics":{"pairs":12,"hit_rate@10":0.5,"hit_rate@10_low":0.2,"hit_rate@10_high":0.8,"mrr@10":0.25,"mrr@10_low":0.1,
        "mrr@10_high":0.4,"ndcg@10":0.3,"recall@10":0.5,"hit_rate@5":0.5,"mrr@5":0.25,"ndcg@5":0.3,"recall@5":0.5,
        "hit_rate@20":1.0,"mrr@20":0.25,"ndcg@20":0.3,"recall@20":0.5,"coverage@10":null,"diversity@10":0.75,"novelty@10":9.5},
        "segments":{"all":{}},"channels":{"taste":{}},
        "ablation":[{"list":"detail without graph","pairs":12,"hit_rate@10_difference":-0.1,"hit_rate@10_margin":0.05,
        "mrr@10_difference":0.0,"mrr@10_margin":0.01}],
        "baseline":{"popular":{}}}"#;

    #[test]
    fn a_summary_is_written_as_it_was_read() -> serde_json::Result<()> {
        let text: String = SUMMARY.lines().map(str::trim_start).collect();
        let summary: OfflineSummary = serde_json::from_str(&text)?;
        assert_eq!(summary.metrics.measured().and_then(|metrics| metrics.hit_rate_10_low), Some(0.2));
        assert_eq!(summary.baseline.popular.measured(), None);
        assert_eq!(serde_json::to_string(&summary)?, text);
        Ok(())
    }

    #[test]
    fn what_another_nearset_wrote_in_another_form_stops_no_version() -> serde_json::Result<()> {
        let mut manifest = serde_json::to_value(fixtures::manifest())?;
        manifest["ranker"]["seconds"] = 12.into();
        manifest["metrics"] = serde_json::json!({"hit_rate": "high"});
        manifest["colour"] = "blue".into();
        let read: Manifest = serde_json::from_value(manifest.clone())?;
        assert_eq!(read.ranker, fixtures::manifest().ranker);
        assert!(read.metrics.is_none());
        manifest["ranker"] = serde_json::json!(["boosted"]);
        assert!(serde_json::from_value::<Manifest>(manifest)?.ranker.is_none());
        Ok(())
    }
}

//! Parameters and figures of a training by the old system's names, where nearset has what they said, and by its own.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use anyhow::{Context, Result};
use duckdb::Connection;
use serde_json::{Value, json};

use crate::config::Config;
use crate::model::{ListFigures, Manifest, OfflineSummary, Ranker};
use crate::warehouse;

/// How many datasets `ranking_scores_preview.json` shows.
const PREVIEW: usize = 20;

/// How many features `ranking_top_features` names.
const TOP: usize = 10;

/// What is told of a training in numbers and words.
#[derive(Debug, Default)]
pub struct Figures {
    /// By MLflow's names.
    pub params: BTreeMap<String, String>,
    /// By MLflow's names.
    pub metrics: BTreeMap<String, f64>,
    /// Small files, by their names.
    pub files: BTreeMap<String, Value>,
}

/// A name as MLflow takes it: `@` is `_at_`, as it writes such figures itself, and what else it refuses an underscore.
fn plain(name: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-. /:".contains(c);
    name.replace('@', "_at_").chars().map(|c| if is_plain(c) { c } else { '_' }).collect()
}

impl Figures {
    /// What a version says of itself.
    pub fn of_version(config: &Config, manifest: &Manifest) -> Self {
        let mut figures = Self::default();
        figures.add_manifest(manifest);
        figures.add_ranker(config, manifest);
        let folder = config.models_dir.join(&manifest.version);
        if let Err(error) = figures.add_files(&folder) {
            tracing::warn!("not all figures of version {} are told to MLflow: {error:#}", manifest.version);
        }
        figures
    }

    fn param(&mut self, name: &str, value: impl ToString) {
        self.params.insert(name.to_owned(), value.to_string());
    }

    fn metric(&mut self, name: &str, value: f64) {
        if value.is_finite() {
            self.metrics.insert(plain(name), value);
        }
    }

    fn add_manifest(&mut self, manifest: &Manifest) {
        self.param("nearset_version", &manifest.nearset_version);
        self.param("as_of", manifest.trained_at.to_rfc3339());
        self.param("dataset_features_rows", manifest.items);
        self.param("listed_items", manifest.listed_items);
        self.param("text_model", manifest.text_model.as_deref().unwrap_or("none"));
        self.param("picture_model", manifest.picture_model.as_deref().unwrap_or("none"));
        self.param("image_embeddings_available", manifest.picture_model.is_some());
        self.param("dense_weight", manifest.dense_weight);
        self.param("dimensions", manifest.dimensions);
        self.metric("content_item_count", manifest.items as f64);
        if let Some(summary) = &manifest.metrics {
            self.add_summary(summary);
        }
    }

    /// The figures of held-out visits: those of the whole by their own names, those of parts in folders.
    fn add_summary(&mut self, summary: &OfflineSummary) {
        self.param("holdout_from", summary.holdout.from.as_deref().unwrap_or("none"));
        self.metric("holdout_pairs", summary.holdout.pairs as f64);
        self.add_list("", &summary.metrics);
        self.add_list("baseline/popular/", &summary.baseline.popular);
        for (kind, lists) in [("segments", &summary.segments), ("channels", &summary.channels)] {
            for (name, list) in lists.iter().filter(|(name, _)| *name != "all") {
                self.add_list(&format!("{kind}/{name}/"), list);
            }
        }
    }

    fn add_list(&mut self, folder: &str, list: &ListFigures) {
        let Some(Ok(Value::Object(figures))) = list.measured().map(serde_json::to_value) else { return };
        for (name, value) in figures.iter().filter(|(name, _)| *name != "pairs") {
            if let Some(value) = value.as_f64() {
                self.metric(&format!("{folder}{name}"), value);
            }
        }
    }

    /// How candidates are ordered: what was tried, what was kept, by which features it judges.
    fn add_ranker(&mut self, config: &Config, manifest: &Manifest) {
        let choice = manifest.ranker.as_ref();
        self.param("ranking_labels_source", "next_page");
        self.param("ranking_task_type", "classification");
        self.param("ranking_metric_name", "ndcg@10");
        self.param("ranking_samples", choice.map_or(0, |choice| choice.steps));
        self.param("ranking_positive_samples", choice.map_or(0, |choice| choice.steps));
        self.param("ranking_best_params", choice.map_or("none", |choice| &choice.kept));
        self.metric("ranking_tuning_trials", choice.map_or(0, |choice| choice.trials.len()) as f64);
        if let Some(choice) = choice {
            if let Some(kept) = choice.trials.iter().find(|trial| trial.ranker == choice.kept) {
                self.metric("ranking_metric_value", kept.ndcg);
            }
            self.files.insert("hparam_trials.json".to_owned(), json!(choice));
        }
        let text = std::fs::read(config.models_dir.join(&manifest.version).join("ranker.json"));
        // the prior order has no such file
        let Some(ranker) = text.ok().and_then(|text| serde_json::from_slice::<Ranker>(&text).ok()) else { return };
        let importance = importance(&ranker);
        let top: Vec<&str> = importance.iter().take(TOP).map(|(name, _)| name.as_str()).collect();
        self.param("ranking_top_features", top.join(","));
        let shares: serde_json::Map<String, Value> =
            importance.iter().map(|(name, share)| (name.clone(), json!(share))).collect();
        self.files.insert("feature_importance.json".to_owned(), Value::Object(shares));
    }

    /// What is counted in a version's tables.
    fn add_files(&mut self, folder: &Path) -> Result<()> {
        let db = warehouse::small()?;
        let table = |name: &str| warehouse::quote(&folder.join(name).to_string_lossy());
        let (neighbours, lists) = (table("neighbours.parquet"), table("lists.parquet"));
        let (candidates, datasets, most, behaviour) = db
            .query_row(
                &format!(
                    "select count(*), count(distinct dataset_id), coalesce(max(position) + 1, 0),
                         count(distinct dataset_id) filter (where organic > 0 or followed > 0 or reverse > 0 or visits > 0)
                     from {neighbours}"
                ),
                [],
                |row| Ok((row.get::<_, u64>(0)?, row.get::<_, u64>(1)?, row.get::<_, u64>(2)?, row.get::<_, u64>(3)?)),
            )
            .context("neighbours.parquet")?;
        self.param("vector_recall_k", most);
        self.metric("behavior_item_count", behaviour as f64);
        self.metric("vector_recall_avg_neighbors", candidates as f64 / datasets.max(1) as f64);
        let popular = format!("from {lists} where list = 'popular'");
        self.metric("popular_item_count", count(&db, &popular)? as f64);
        let mut preview =
            db.prepare(&format!("select dataset_id, score {popular} order by position limit {PREVIEW}"))?;
        let rows = preview.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, f64>(1)?)))?;
        let rows = rows.collect::<duckdb::Result<Vec<_>>>().context("lists.parquet")?;
        if let Some((_, best)) = rows.first() {
            self.metric("ranking_top_score", *best);
        }
        let shown: Vec<Value> =
            rows.iter().map(|(dataset, score)| json!({"dataset_id": dataset, "score": score})).collect();
        self.files.insert("ranking_scores_preview.json".to_owned(), json!(shown));
        Ok(())
    }

    /// How much the published warehouse holds; what cannot be read is left out.
    pub fn add_warehouse(&mut self, config: &Config) {
        let counts = || -> Result<()> {
            let db = warehouse::glance(config)?;
            for (name, relation) in [
                ("interactions_rows", "interactions_v2"),
                ("dataset_features_rows", "dataset_features_v2"),
                ("dataset_stats_rows", "dataset_stats_v2"),
            ] {
                let rows = count(&db, &format!("from {relation}"))?;
                self.params.insert(name.to_owned(), rows.to_string());
            }
            Ok(())
        };
        if let Err(error) = { counts }() {
            tracing::warn!("rows of the warehouse are not told to MLflow: {error:#}");
        }
    }
}

fn count(db: &Connection, rows: &str) -> Result<u64> {
    db.query_row(&format!("select count(*) {rows}"), [], |row| row.get(0)).with_context(|| rows.to_owned())
}

/// Each feature's share in the ranker, the largest first: of the splits of its trees, of the weights of the network's first
/// layer; the mean of both where there are both.
fn importance(ranker: &Ranker) -> Vec<(String, f64)> {
    let mut shares: HashMap<usize, f64> = HashMap::new();
    let mut kinds = 0.0;
    let mut add = |weights: Vec<(usize, f64)>| {
        let all: f64 = weights.iter().map(|(_, weight)| weight).sum();
        if all > 0.0 {
            kinds += 1.0;
            weights.into_iter().for_each(|(feature, weight)| *shares.entry(feature).or_default() += weight / all);
        }
    };
    add(ranker.trees.iter().flat_map(|tree| &tree.splits).map(|split| (split.feature as usize, 1.0)).collect());
    if let Some(layer) = ranker.network.as_ref().and_then(|network| network.layers.first()) {
        let weights = layer.weights.iter().enumerate();
        add(weights.map(|(at, weight)| (at % layer.inputs.max(1), f64::from(weight.abs()))).collect());
    }
    let name = |feature: usize| ranker.features.get(feature).cloned();
    let mut named: Vec<(String, f64)> =
        shares.into_iter().filter_map(|(feature, share)| Some((name(feature)?, share / kinds))).collect();
    named.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Layer, Network, Split, Tree, fixtures};

    #[test]
    fn names_are_such_as_mlflow_takes() {
        assert_eq!(plain("hit_rate@10_low"), "hit_rate_at_10_low");
        assert_eq!(plain("channels/detail without \"x\"/mrr@5"), "channels/detail without _x_/mrr_at_5");
    }

    #[test]
    fn importance_is_shared_between_trees_and_network() {
        let split = |feature| Split { feature, threshold: 0.0, mask: 0 };
        let tree = Tree { splits: vec![split(0), split(0), split(0), split(1)], leaves: [0.0; 32] };
        let mut ranker = Ranker { features: ["a", "b"].map(str::to_owned).to_vec(), trees: vec![tree], network: None };
        assert_eq!(importance(&ranker), [("a".to_owned(), 0.75), ("b".to_owned(), 0.25)]);
        let layer = Layer { inputs: 2, weights: vec![-1.0, 1.0, 0.0, 2.0], biases: vec![0.0; 2] };
        ranker.network = Some(Network { means: vec![0.0; 2], deviations: vec![1.0; 2], layers: vec![layer] });
        assert_eq!(importance(&ranker), [("a".to_owned(), 0.5), ("b".to_owned(), 0.5)]);
    }

    #[test]
    fn a_manifest_is_told_by_the_old_names() {
        let mut figures = Figures::default();
        figures.add_manifest(&fixtures::manifest());
        assert_eq!(figures.params["image_embeddings_available"], "false");
        assert_eq!(figures.metrics["content_item_count"], 7.0);
        assert!(!figures.metrics.contains_key("hit_rate_at_10"), "it was not measured");
    }
}

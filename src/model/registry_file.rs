//! `MODELS_DIR/model_registry.json`: which version answers and which did before it, where the old system's scripts look for it.
//! What that system itself wrote there stays, as history.

use std::path::Path;

use anyhow::Result;
use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Manifest;
use super::codec::read_manifest;
use crate::common::files;

const NAME: &str = "model_registry.json";

/// How many earlier versions it names, the last of them first.
const HISTORY: usize = 20;

/// The file. Its entries are those of several programs, so they stay as they were read.
#[derive(Default, Serialize, Deserialize)]
struct RegistryFile {
    current: Option<Value>,
    #[serde(default)]
    history: Vec<Value>,
}

/// Has the file say that `now` is current, where it does not. A version whose manifest is damaged is not described.
///
/// # Errors
/// The file cannot be read or written.
pub(super) fn keep_true(models_dir: &Path, now: Option<&str>) -> Result<()> {
    let path = models_dir.join(NAME);
    let mut file = match files::read(&path)?.map(|bytes| serde_json::from_slice::<RegistryFile>(&bytes)) {
        Some(Ok(file)) => file,
        None => RegistryFile::default(),
        Some(Err(error)) => {
            tracing::warn!("{} is not of the known form ({error}); it is written anew", path.display());
            RegistryFile::default()
        }
    };
    let said = file.current.as_ref().and_then(version_of);
    let (false, Some(now)) = (said == now, now) else { return Ok(()) };
    let Ok(manifest) = read_manifest(models_dir, now) else { return Ok(()) };
    let mut entry = entry(&manifest);
    // what others call it does not change when it becomes current again
    if let Some(named) = file.history.iter().find(|past| version_of(past) == Some(now)) {
        for key in ["run_id", "artifact_uri"] {
            entry[key] = named[key].clone();
        }
    }
    if let Some(before) = file.current.replace(entry).filter(|before| !before.is_null()) {
        file.history.insert(0, before);
    }
    file.history.truncate(HISTORY);
    files::write(&path, &serde_json::to_vec_pretty(&file)?)
}

/// The version that an entry is of; `None` for one of the old system's own.
fn version_of(entry: &Value) -> Option<&str> {
    entry["version"].as_str().or_else(|| entry["run_id"].as_str())
}

/// Reads the file, where it is there and of the known form.
fn read(models_dir: &Path) -> Result<Option<RegistryFile>> {
    Ok(files::read(&models_dir.join(NAME))?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Has the file call a version's run and its files as MLflow does.
///
/// # Errors
/// The file cannot be read or written.
pub(super) fn name_run(models_dir: &Path, version: &str, run_id: &str, artifact_uri: &str) -> Result<()> {
    let Some(mut file) = read(models_dir)? else { return Ok(()) };
    let mut has_changed = false;
    for entry in file.current.iter_mut().chain(&mut file.history).filter(|entry| version_of(entry) == Some(version)) {
        has_changed |= entry["run_id"] != run_id || entry["artifact_uri"] != artifact_uri;
        entry["version"] = version.into();
        entry["run_id"] = run_id.into();
        entry["artifact_uri"] = artifact_uri.into();
    }
    if !has_changed {
        return Ok(());
    }
    files::write(&models_dir.join(NAME), &serde_json::to_vec_pretty(&file)?)
}

/// The version that a run of MLflow's trained, where the file says so.
///
/// # Errors
/// The file cannot be read.
pub fn version_of_run(models_dir: &Path, run_id: &str) -> Result<Option<String>> {
    let Some(file) = read(models_dir)? else { return Ok(None) };
    let mut entries = file.current.iter().chain(&file.history);
    let entry = entries.find(|entry| entry["run_id"] == run_id);
    Ok(entry.and_then(|entry| entry["version"].as_str().map(str::to_owned)))
}

/// A version as the file describes it. `artifact_uri` is the version's folder, from the file's own on, and `run_id` its name,
/// until MLflow has a run for it.
fn entry(manifest: &Manifest) -> Value {
    let ranker = manifest.ranker.as_ref();
    let kept = ranker.and_then(|ranker| ranker.trials.iter().find(|trial| trial.ranker == ranker.kept));
    let mut metrics = Map::from_iter([
        ("content_item_count".to_owned(), json!(manifest.items)),
        ("ranking_metric_value".to_owned(), json!(kept.map(|trial| trial.ndcg))),
        ("ranking_tuning_trials".to_owned(), json!(ranker.map_or(0, |ranker| ranker.trials.len()))),
    ]);
    if let Some(measured) = manifest.metrics.as_ref().and_then(|summary| summary.metrics.measured()) {
        let figures = [
            ("hit_rate@10", measured.hit_rate_10),
            ("mrr@10", measured.mrr_10),
            ("ndcg@10", measured.ndcg_10),
            ("recall@10", measured.recall_10),
            ("coverage@10", measured.coverage_10),
        ];
        metrics.extend(figures.map(|(name, figure)| (name.to_owned(), json!(figure))));
    }
    json!({
        "version": manifest.version,
        "run_id": manifest.version,
        "artifact_uri": manifest.version,
        "logged_at": manifest.trained_at.to_rfc3339_opts(SecondsFormat::Secs, true),
        "artifacts": manifest.files.keys().collect::<Vec<_>>(),
        "params": {
            "nearset_version": manifest.nearset_version,
            "dataset_features_rows": manifest.items,
            "listed_items": manifest.listed_items,
            "text_model": manifest.text_model,
            "image_embeddings_available": manifest.picture_model.is_some(),
            "ranking_samples": ranker.map_or(0, |ranker| ranker.steps),
            "ranking_metric_name": "ndcg@10",
            "ranking_best_params": ranker.map(|ranker| &ranker.kept),
        },
        "metrics": metrics,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures;

    #[test]
    fn an_entry_says_what_the_manifest_does() {
        let entry = entry(&fixtures::manifest());
        assert_eq!((&entry["version"], &entry["run_id"]), (&json!("made-by-hand"), &json!("made-by-hand")));
        assert_eq!(
            (&entry["params"]["ranking_best_params"], &entry["metrics"]["ranking_metric_value"]),
            (&json!("prior"), &json!(0.3))
        );
        assert_eq!(entry["metrics"].get("hit_rate@10"), None, "it was not measured");
    }
}

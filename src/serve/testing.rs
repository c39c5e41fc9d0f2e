//! Small models for unit tests.

use std::sync::Arc;

use serde_json::json;

use super::deployment::LoadedVersion;
use crate::model::{Item, Model, Parts};
use crate::recommend::{Audiences, Policy};

/// A model of so many listed datasets, with the ids 1, 2, ….
pub fn model(version: &str, datasets: i64) -> Model {
    let manifest = json!({
        "version": version, "trained_at": "2026-10-16T00:00:00Z", "nearset_version": "0", "dimensions": 0,
        "items": datasets, "listed_items": datasets, "files": {},
    });
    let item = |dataset_id: i64| Item {
        dataset_id,
        title: format!("数据集 {dataset_id}"),
        is_listed: true,
        ..Item::default()
    };
    let parts = Parts { items: (1..=datasets).map(item).collect(), ..Parts::default() };
    Model::new(serde_json::from_value(manifest).expect("a manifest"), parts, Arc::default())
}

/// The same as a version that answers, with the policies of so many variants.
pub fn version(name: &str, variants: usize) -> Arc<LoadedVersion> {
    Arc::new(LoadedVersion::new(Arc::new(model(name, 100)), Audiences::default(), vec![Policy::default(); variants]))
}

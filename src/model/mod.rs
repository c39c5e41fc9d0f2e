//! A model version: what serving needs, in memory and as a folder on disk.
//!
//! A version is a folder that is complete before it is visible; its manifest names every file with its SHA-256. `current`
//! is a link that changes by rename. The tables are Parquet, so that `select * from 'models/current/neighbours.parquet'`
//! shows what is served.

mod store;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::index::Index;

pub use store::{current, list, load, load_current, promote, prune, read_manifest, rollback, save};

/// What a version is and where it comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    pub version: String,
    /// The run's `as_of`.
    pub trained_at: DateTime<Utc>,
    pub nearset_version: String,
    pub items: usize,
    pub listed_items: usize,
    pub parameters: BTreeMap<String, f64>,
    pub dimensions: usize,
    /// The held-out figures of the run that trained it, in `summary.json`'s form.
    pub metrics: Option<Value>,
    /// Each file's SHA-256.
    pub files: BTreeMap<String, String>,
}

/// A dataset as lists show it.
#[derive(Clone, Debug)]
pub struct Item {
    pub dataset_id: i64,
    pub title: String,
    pub price: Option<f64>,
    pub cover_image: Option<String>,
    pub is_listed: bool,
    pub views: u32,
}

/// A candidate fixed when training: why it stands beside a dataset, in figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Index into [`Model::items`].
    pub item: u32,
    pub score: f32,
    /// What visitors did: see `sql/features/behaviour_neighbours.sql`.
    pub behaviour: f32,
    /// Cosine of the texts.
    pub content: f32,
    /// Visits that hold both pages.
    pub visits: u32,
}

/// A dataset of the popular or a trending list.
#[derive(Clone, Copy, Debug)]
pub struct Ranked {
    pub item: u32,
    pub score: f32,
    pub views: u32,
}

/// What a known user did, as indices into [`Model::items`], newest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub bought: Vec<u32>,
    pub viewed: Vec<u32>,
}

/// All of a version, in memory.
pub struct Model {
    pub manifest: Manifest,
    /// In the order of their ids.
    pub items: Vec<Item>,
    pub by_id: HashMap<i64, u32>,
    /// For each item its candidates, best first; listed ones only.
    pub neighbours: Vec<Vec<Neighbour>>,
    /// Listed items, best first.
    pub popular: Vec<Ranked>,
    pub trending: BTreeMap<String, Vec<Ranked>>,
    pub users: HashMap<i64, History>,
    /// Text vectors of all items, row i for item i.
    pub index: Arc<Index>,
}

impl Model {
    pub fn item(&self, index: u32) -> &Item {
        &self.items[index as usize]
    }
}

//! A model version: what serving needs, in memory and as a folder on disk.
//!
//! A version is a folder that is complete before it is visible; its manifest names every file with its SHA-256, and carries
//! its own. `current` is a link that changes by rename. The tables are Parquet, so that `select * from 'models/current/neighbours.parquet'`
//! shows what is served.

mod codec;
mod overview;
mod ranker;
mod registry;
mod sessions;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use half::f16;
use half::slice::HalfFloatSliceExt;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::index::{Index, Vectors, dot};

pub use codec::{load, read_manifest, verify};
pub use overview::{Overview, loadable, overview};
pub use ranker::{CANDIDATES, Columns, FEATURES, Layer, Network, Ranker, Split, Tree};
pub use registry::{
    Beside, Check, Saved, Share, Traffic, Versions, current, list, load_current, promote, prune, require_current,
    rollback, save, set_beside, standbys, traffic, traffic_path,
};
pub use sessions::Sessions;

/// The form in which versions are written. The one before is read, too; those of others have to be trained again.
pub const FORMAT: u32 = 4;

/// What a version is and where it comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    #[serde(default)]
    pub format: u32,
    pub version: String,
    /// The run's `as_of`.
    pub trained_at: DateTime<Utc>,
    pub nearset_version: String,
    pub items: usize,
    pub listed_items: usize,
    /// How much the dense view of texts counts beside words, of 1.
    #[serde(default)]
    pub dense_weight: f32,
    /// The models whose vectors stand for texts and pictures; `None` for those that need no model, and for none.
    #[serde(default)]
    pub text_model: Option<String>,
    #[serde(default)]
    pub picture_model: Option<String>,
    /// What was tried to order candidates, with its figures, and what was kept.
    #[serde(default)]
    pub ranker: Value,
    pub dimensions: usize,
    #[serde(default)]
    pub behaviour_dimensions: usize,
    /// The held-out figures of the run that trained it, in `summary.json`'s form.
    pub metrics: Option<Value>,
    /// Each file's SHA-256.
    pub files: BTreeMap<String, String>,
}

/// A dataset as lists show and judge it.
#[derive(Clone, Debug, Default)]
pub struct Item {
    pub dataset_id: i64,
    pub title: String,
    pub price: Option<f64>,
    pub cover_image: Option<String>,
    pub is_listed: bool,
    pub provider: Option<String>,
    /// With semicolons between: one text takes a third of the memory of several.
    pub tags: Box<str>,
    pub views: u32,
    /// Views that halve every three weeks.
    pub recent_views: f32,
}

impl Item {
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.tags.split(';').filter(|tag| !tag.is_empty())
    }
}

/// A candidate fixed when training: why it stands beside a dataset, in figures. A hundred of them for every dataset are
/// most of a model's memory: 28 bytes each.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Neighbour {
    /// Index into [`Model::items`].
    pub item: u32,
    pub figures: Figures,
    /// How often it was the very next page, found by the visitor, and from a list; at most 255, which says as much as more.
    pub next_organic: u8,
    pub next_followed: u8,
    /// Visits that hold both pages, at most 65,535.
    pub visits: u16,
    /// How many clicks it had in lists on the page.
    pub clicks: u16,
}

/// What is known of a candidate beside a dataset, each a column of `neighbours.parquet` or worked out when loading.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures([f16; FIGURES]);

const FIGURES: usize = 9;

/// One of [`Figures`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// What visitors did by themselves, and what lists made them click: see `sql/features/behaviour_neighbours.sql`.
    Organic,
    Followed,
    /// `Organic` the other way round.
    Reverse,
    /// Two steps of `Organic`.
    Walk,
    /// `Organic` from the datasets whose texts are most like the page's.
    Bridge,
    /// Cosine of the texts' words, less where the candidate's text is like many others.
    Lexical,
    /// How many clicks its places in lists on the page would have brought any dataset.
    Examined,
    /// Cosine of the vectors of texts, and of behaviour: worked out when loading.
    Dense,
    Kinship,
}

impl Figures {
    pub fn get(&self, figure: Figure) -> f32 {
        self.0[figure as usize].to_f32()
    }

    pub fn set(&mut self, figure: Figure, value: f32) {
        self.0[figure as usize] = f16::from_f32(value.min(f16::MAX.to_f32()));
    }

    /// All of them, in the order of [`Figure`].
    pub fn all(&self) -> [f32; FIGURES] {
        let mut values = [0.0; FIGURES];
        self.0.convert_to_f32_slice(&mut values);
        values
    }
}

/// The candidates of every item, best first, one item's behind the other's.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    /// Where each item's begin, and where the last one's end.
    starts: Vec<u32>,
    all: Vec<Neighbour>,
}

impl Neighbours {
    /// With room for as many as are said.
    pub fn with_capacity(items: usize, neighbours: usize) -> Self {
        let mut starts = Vec::with_capacity(items + 1);
        starts.push(0);
        Self { starts, all: Vec::with_capacity(neighbours) }
    }

    /// Whether more of an item's may come: not once a later item has some.
    pub fn is_next(&self, item: u32) -> bool {
        item as usize + 1 >= self.starts.len()
    }

    /// Adds one of an item. The items have to come in their order.
    pub fn push(&mut self, item: u32, neighbour: Neighbour) {
        self.close_before(item);
        self.all.push(neighbour);
    }

    /// Says that items before `item` have no more.
    pub fn close_before(&mut self, item: u32) {
        while self.starts.len() <= item as usize {
            self.starts.push(self.all.len() as u32);
        }
    }

    pub fn of(&self, item: u32) -> &[Neighbour] {
        match self.starts.get(item as usize..) {
            Some([start, end, ..]) => &self.all[*start as usize..*end as usize],
            Some([start]) => &self.all[*start as usize..],
            _ => &[],
        }
    }

    /// Each item's, in the order of items.
    pub fn iter(&self) -> impl Iterator<Item = &[Neighbour]> {
        (0..self.starts.len() as u32).map(|item| self.of(item))
    }

    fn lists_mut(&mut self) -> Vec<&mut [Neighbour]> {
        let mut left = self.all.as_mut_slice();
        let mut lists = Vec::with_capacity(self.starts.len());
        for ends in self.starts.windows(2) {
            let (list, rest) = left.split_at_mut((ends[1] - ends[0]) as usize);
            lists.push(list);
            left = rest;
        }
        lists.push(left);
        lists
    }
}

impl From<Vec<Vec<Neighbour>>> for Neighbours {
    fn from(lists: Vec<Vec<Neighbour>>) -> Self {
        let mut neighbours = Self::with_capacity(lists.len(), lists.iter().map(Vec::len).sum());
        for (item, list) in lists.into_iter().enumerate() {
            neighbours.close_before(item as u32);
            neighbours.all.extend(list);
        }
        neighbours
    }
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
    /// The datasets nearest to the mean of what was viewed, in the space of texts.
    pub taste: Vec<u32>,
}

/// What a version holds, as it is on disk.
#[derive(Default)]
pub struct Parts {
    /// In the order of their ids.
    pub items: Vec<Item>,
    /// For each item its candidates, best first; listed ones only.
    pub neighbours: Neighbours,
    /// Listed items, best first.
    pub popular: Vec<Ranked>,
    pub trending: BTreeMap<String, Vec<Ranked>>,
    pub users: HashMap<i64, History>,
    pub sessions: Sessions,
    /// What visitors did with each item, as vectors; row i for item i.
    pub behaviour: Vectors,
    /// Vectors of pictures, row i for item i; without rows where no model looked at any.
    pub pictures: Arc<Index>,
    pub ranker: Option<Ranker>,
}

/// All of a version, in memory.
pub struct Model {
    pub manifest: Manifest,
    pub by_id: HashMap<i64, u32>,
    pub parts: Parts,
    /// Text vectors of all items, row i for item i.
    pub index: Arc<Index>,
    pub facts: Vec<Facts>,
}

/// What ranking asks of an item again and again.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    pub is_listed: bool,
    /// The same number for the same provider; 0 for none.
    pub provider: u32,
    /// Tags and their weights, the rarer the heavier, of length 1 together.
    pub tags: Box<[(u32, f32)]>,
    pub log_views: f32,
    pub log_recent: f32,
    pub log_price: Option<f32>,
    /// How much a visit that holds it says: the logarithm of how few do.
    pub rarity: f32,
}

impl Model {
    /// Puts the parts together and works out what follows from them.
    pub fn new(manifest: Manifest, mut parts: Parts, index: Arc<Index>) -> Self {
        let by_id = parts.items.iter().enumerate().map(|(index, item)| (item.dataset_id, index as u32)).collect();
        let facts = facts(&parts.items, parts.sessions.len());
        let (texts, behaviour) = (index.vectors(), &parts.behaviour);
        parts.neighbours.lists_mut().into_par_iter().enumerate().for_each(|(page, list)| {
            for Neighbour { item, figures, .. } in list {
                let item = *item as usize;
                figures.set(Figure::Dense, dot(texts.row(page), texts.row(item)));
                figures.set(Figure::Kinship, dot(behaviour.row(page), behaviour.row(item)));
            }
        });
        Self { manifest, by_id, parts, index, facts }
    }

    pub fn item(&self, index: u32) -> &Item {
        &self.parts.items[index as usize]
    }

    pub fn neighbours(&self, index: u32) -> &[Neighbour] {
        self.parts.neighbours.of(index)
    }
}

fn facts(items: &[Item], visits: usize) -> Vec<Facts> {
    let mut providers: HashMap<&str, u32> = HashMap::new();
    let mut tags: HashMap<&str, (u32, u32)> = HashMap::new();
    for item in items {
        for tag in item.tags() {
            let next = tags.len() as u32;
            tags.entry(tag).or_insert((next, 0)).1 += 1;
        }
    }
    items
        .iter()
        .map(|item| {
            let next = providers.len() as u32 + 1;
            let provider = item.provider.as_deref().map_or(0, |name| *providers.entry(name).or_insert(next));
            let weight = |count: u32| (items.len() as f32 / (1.0 + count as f32)).ln().max(0.0);
            let mut own: Vec<(u32, f32)> =
                item.tags().filter_map(|tag| tags.get(tag)).map(|(tag, count)| (*tag, weight(*count))).collect();
            own.sort_by_key(|(tag, _)| *tag);
            let length = own.iter().map(|(_, w)| w * w).sum::<f32>().sqrt().max(1e-9);
            own.iter_mut().for_each(|(_, w)| *w /= length);
            Facts {
                is_listed: item.is_listed,
                provider,
                tags: own.into(),
                log_views: (item.views as f32).ln_1p(),
                log_recent: item.recent_views.ln_1p(),
                log_price: item.price.map(|price| price.ln_1p() as f32),
                rarity: ((visits as f32 + 1.0) / (1.0 + item.views as f32)).ln().max(0.1),
            }
        })
        .collect()
}

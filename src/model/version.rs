//! A version in memory: what is on disk, and what follows from it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rayon::prelude::*;

use super::{Figure, History, Item, Manifest, Neighbour, Neighbours, Newcomer, Ranked, Ranker, Sessions};
use crate::index::{Index, Vectors, dot};

/// The timeframes of `trending` (`sql/training/trending.sql`), each longer than the one before.
pub const TIMEFRAMES: [&str; 4] = ["1h", "24h", "7d", "30d"];

/// What a version holds, as it is on disk.
#[derive(Default)]
pub struct Parts {
    /// In the order of their ids.
    pub items: Vec<Item>,
    /// For each item its candidates, best first; listed ones only.
    pub neighbours: Neighbours,
    /// The new datasets that may be tried on a page, where there are any among its candidates.
    pub newcomers: HashMap<u32, Vec<Newcomer>>,
    /// Listed items, best first.
    pub popular: Vec<Ranked>,
    /// Listed items by timeframe (`24h`), best first.
    pub trending: BTreeMap<String, Vec<Ranked>>,
    /// Known users by their id.
    pub users: HashMap<i64, History>,
    /// Past visits.
    pub sessions: Sessions,
    /// What visitors did with each item, as vectors; row i for item i.
    pub behaviour: Vectors,
    /// Vectors of pictures, row i for item i; without rows where no model looked at any.
    pub pictures: Arc<Index>,
    /// The learned order, where there was enough to learn from.
    pub ranker: Option<Ranker>,
}

/// All of a version, in memory.
pub struct Model {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Indices of items by the ids of datasets.
    pub by_id: HashMap<i64, u32>,
    /// What is on disk.
    pub parts: Parts,
    /// Text vectors of all items, row i for item i.
    pub index: Arc<Index>,
    /// What ranking asks of each item, entry i for item i.
    pub facts: Vec<Facts>,
}

/// What ranking asks of an item again and again.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Whether it may stand in lists.
    pub is_listed: bool,
    /// The same number for the same provider; 0 for none.
    pub provider: u32,
    /// Tags and their weights, the rarer the heavier, of length 1 together.
    pub tags: Box<[(u32, f32)]>,
    /// ln(1 + views).
    pub log_views: f32,
    /// ln(1 + views that halve every three weeks).
    pub log_recent: f32,
    /// ln(1 + price), where there is one.
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

    /// An item by its index.
    pub fn item(&self, index: u32) -> &Item {
        &self.parts.items[index as usize]
    }

    /// The largest id in the catalogue; 0 where it is empty.
    pub fn largest_id(&self) -> i64 {
        self.parts.items.iter().map(|item| item.dataset_id).max().unwrap_or_default()
    }

    /// The candidates of an item, best first.
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

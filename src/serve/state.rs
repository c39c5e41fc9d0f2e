//! What all requests share: the model in force, the cache of finished lists, the log, the metrics.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Result;
use arc_swap::{ArcSwap, ArcSwapOption};
use moka::sync::Cache;

use super::exposure_log::ExposureLog;
use super::metrics::Metrics;
use crate::config::Config;
use crate::extract::exposures::LOG_NAME;
use crate::model::Model;
use crate::recommend::rules::Rules;
use crate::recommend::{Language, Policy, Recommended};

/// A finished list: its items as the answer and as the log have them.
pub struct Finished {
    pub items: Box<serde_json::value::RawValue>,
    pub logged_items: Box<serde_json::value::RawValue>,
    pub count: usize,
    /// The list with what just missed it, where exploration may bring that in.
    pub list: Vec<Recommended>,
}

impl Finished {
    /// About what an entry of the cache takes.
    fn bytes(key: &Key, list: &Arc<Self>) -> u32 {
        let trail = if let List::Detail { recent, .. } = &key.list { 4 * recent.len() } else { 0 };
        let behind = std::mem::size_of_val(list.list.as_slice());
        (256 + trail + behind + list.items.get().len() + list.logged_items.get().len()) as u32
    }
}

/// What a finished list depends on besides the model: it is the same for all who share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub list: List,
    pub language: Language,
}

/// Which list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum List {
    Similar { page: Option<u32>, top_n: usize },
    Detail { page: Option<u32>, user: Option<i64>, recent: Vec<u32>, top_n: usize },
    Trending { timeframe: &'static str, limit: usize },
}

impl List {
    /// How long it is asked to be.
    pub fn top_n(&self) -> usize {
        match self {
            Self::Similar { top_n, .. } | Self::Detail { top_n, .. } => *top_n,
            Self::Trending { limit, .. } => *limit,
        }
    }
}

/// A model with the rules of the day and the lists made from both: all go at once when a new version or other rules
/// come, so that no list mixes them.
pub struct Loaded {
    pub model: Arc<Model>,
    pub policy: Policy,
    pub cache: Cache<Key, Arc<Finished>>,
    /// A bit an item: was it in a list.
    pub shown: Vec<AtomicU64>,
}

impl Loaded {
    /// `cache_mb`: how many megabytes of finished lists to keep.
    pub fn new(model: Arc<Model>, policy: Policy, cache_mb: u64) -> Self {
        let shown = (0..model.parts.items.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let cache = Cache::builder().max_capacity(cache_mb * 1_000_000).weigher(Finished::bytes).build();
        Self { model, policy, cache, shown }
    }

    pub fn mark_shown(&self, item: u32) {
        let (word, bit) = (&self.shown[item as usize / 64], 1 << (item % 64));
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// The share of listed datasets that stood in a list since this version was loaded.
    pub fn item_coverage(&self) -> f64 {
        let shown: u32 = self.shown.iter().map(|word| word.load(Ordering::Relaxed).count_ones()).sum();
        f64::from(shown) / self.model.manifest.listed_items.max(1) as f64
    }
}

pub struct State {
    pub config: Config,
    /// The operator's rules, whatever the day.
    pub rules: ArcSwap<Rules>,
    pub loaded: ArcSwapOption<Loaded>,
    pub log: ExposureLog,
    pub metrics: Metrics,
    /// Known users that asked for a list since the start.
    pub users: Mutex<HashSet<i64>>,
    pub started: Instant,
}

pub type Shared = Arc<State>;

/// Opens the log and sets up the state, without a model.
pub fn start(config: Config) -> Result<Shared> {
    let log = ExposureLog::open(&config.evaluation_dir().join(LOG_NAME))?;
    Ok(Arc::new(State {
        rules: ArcSwap::default(),
        loaded: ArcSwapOption::empty(),
        log,
        metrics: Metrics::new()?,
        users: Mutex::default(),
        started: Instant::now(),
        config,
    }))
}

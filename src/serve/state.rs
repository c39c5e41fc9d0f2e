//! What all requests share: the versions in force, their caches of finished lists, the log, the metrics.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

use anyhow::Result;
use arc_swap::{ArcSwap, ArcSwapOption};
use moka::sync::Cache;
use tokio::sync::Semaphore;

use super::error::ApiError;
use super::experiments::{Arm, Experiments, bucket};
use super::metrics::{Endpoint, Metrics};
use super::overload::Lag;
use super::recent_views::RecentViews;
use super::watch::FolderLook;
use crate::config::Config;
use crate::embed::neural::reader::Reader;
use crate::exposures::files::{LOG_NAME, SHADOW_LOG_NAME};
use crate::exposures::{ExposureLog, Options};
use crate::model::Model;
use crate::recommend::rules::Rules;
use crate::recommend::{Language, Policy, Recommended};
use crate::search::Finder;

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
    fn bytes(_: &Key, list: &Arc<Self>) -> u32 {
        let behind = std::mem::size_of_val(list.list.as_slice());
        (256 + behind + list.items.get().len() + list.logged_items.get().len()) as u32
    }
}

/// What a finished list depends on besides the model: it is the same for all who share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub list: List,
    pub language: Language,
    /// The variant, by its place in [`Loaded::policies`].
    pub arm: u16,
}

/// Which list.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum List {
    Similar {
        page: Option<u32>,
        top_n: usize,
    },
    Detail {
        page: Option<u32>,
        user: Option<i64>,
        recent: Vec<u32>,
        top_n: usize,
    },
    /// `tick`: which count of recent views it is made from.
    Trending {
        timeframe: &'static str,
        limit: usize,
        tick: u64,
    },
}

impl List {
    /// Whether it is made for one visitor and the way they came. Others will hardly ask for the same, and making it anew
    /// takes less than looking after it in the cache.
    pub fn is_personal(&self) -> bool {
        matches!(self, Self::Detail { user, recent, .. } if user.is_some() || !recent.is_empty())
    }

    /// How long it is asked to be.
    pub fn top_n(&self) -> usize {
        match self {
            Self::Similar { top_n, .. } | Self::Detail { top_n, .. } => *top_n,
            Self::Trending { limit, .. } => *limit,
        }
    }
}

/// A model with the policy of each variant and the lists made from both: all go at once when a new version, other rules
/// or other experiments come, so that no list mixes them.
pub struct Loaded {
    pub model: Arc<Model>,
    /// One for each arm of the experiments.
    pub policies: Vec<Policy>,
    pub cache: Cache<Key, Arc<Finished>>,
    /// A bit an item: was it in a list.
    shown: Vec<AtomicU64>,
    finder: OnceLock<Finder>,
}

impl Loaded {
    /// `cache_mb`: how many megabytes of finished lists to keep.
    pub fn new(model: Arc<Model>, policies: Vec<Policy>, cache_mb: u64) -> Self {
        let shown = (0..model.parts.items.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let cache = Cache::builder().max_capacity(cache_mb * 1_000_000).weigher(Finished::bytes).build();
        Self { model, policies, cache, shown, finder: OnceLock::new() }
    }

    pub fn version(&self) -> &str {
        &self.model.manifest.version
    }

    /// Finds datasets by words; made when it is first asked for.
    pub fn finder(&self) -> &Finder {
        self.finder.get_or_init(|| Finder::new(&self.model))
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

/// A version beside the current one, and its share of the traffic.
pub struct Beside {
    pub loaded: Arc<Loaded>,
    pub share: f64,
}

/// Everything that answers, put in force together.
pub struct InForce {
    pub current: Arc<Loaded>,
    pub canary: Option<Beside>,
    pub shadow: Option<Beside>,
    /// Versions that variants of experiments name.
    pub named: HashMap<String, Arc<Loaded>>,
    pub experiments: Arc<Experiments>,
}

/// Who answers a request.
pub struct Chosen<'a> {
    pub loaded: &'a Arc<Loaded>,
    pub arm: u16,
    /// `primary`, `canary`, or `experiment` where a variant names its version.
    pub role: &'static str,
}

impl InForce {
    /// Which version and which variant answer a visitor: always the same ones for the same id.
    pub fn choose(&self, endpoint: Endpoint, visitor: Option<&str>) -> Chosen<'_> {
        let arm = self.experiments.assign(endpoint, visitor);
        let named = self.arm(arm).version.as_ref().and_then(|version| self.named.get(version));
        if let Some(loaded) = named {
            return Chosen { loaded, arm, role: "experiment" };
        }
        if let Some(canary) = &self.canary {
            let place = match visitor {
                Some(visitor) => bucket(canary.loaded.version(), visitor),
                None => rand::random(),
            };
            if place < canary.share {
                return Chosen { loaded: &canary.loaded, arm, role: "canary" };
            }
        }
        Chosen { loaded: &self.current, arm, role: "primary" }
    }

    pub fn arm(&self, arm: u16) -> &Arm {
        &self.experiments.arms[arm as usize]
    }

    /// All versions in memory.
    pub fn versions(&self) -> impl Iterator<Item = &Arc<Loaded>> {
        let beside = self.canary.iter().chain(&self.shadow).map(|beside| &beside.loaded);
        std::iter::once(&self.current).chain(beside).chain(self.named.values())
    }
}

pub struct State {
    pub config: Config,
    /// The operator's rules, whatever the day, and the experiments: the last that could be read.
    pub rules: ArcSwap<Rules>,
    pub experiments: ArcSwap<Experiments>,
    pub in_force: ArcSwapOption<InForce>,
    pub log: ExposureLog,
    pub shadow_log: ExposureLog,
    pub metrics: Metrics,
    pub views: RecentViews,
    pub lag: Lag,
    /// Only one at a time puts versions in force.
    pub loading: Mutex<()>,
    /// Why the current version does not answer, where another does or none.
    pub model_fault: ArcSwapOption<String>,
    /// Versions that could not be loaded, and how their folders looked then: another look is due when they change.
    pub refused: Mutex<HashMap<String, FolderLook>>,
    /// Known users that asked for a list since the start.
    pub users: Mutex<HashSet<i64>>,
    pub started: Instant,
    pub reader: Mutex<Option<Arc<Reader>>>,
    /// As many searches at a time as there are threads: lists come first.
    pub searching: Semaphore,
}

impl State {
    /// What is in force now, unless there is nothing, or too much to do.
    pub fn admit(&self) -> Result<Arc<InForce>, ApiError> {
        if self.lag.is_above(self.config.serve.shed) {
            return Err(ApiError::Overloaded);
        }
        self.in_force.load_full().ok_or(ApiError::NoModel)
    }
}

pub type Shared = Arc<State>;

/// Opens the logs and sets up the state, without a model.
pub fn start(config: Config) -> Result<Shared> {
    let options = Options { durability: config.exposures.sync, rotate_bytes: config.exposures.rotate_mb * 1_000_000 };
    let log = ExposureLog::open(&config.evaluation_dir().join(LOG_NAME), options)?;
    // nothing waits for what was not shown
    let shadow_options = Options { durability: crate::config::Durability::None, ..options };
    let shadow_log = ExposureLog::open(&config.evaluation_dir().join(SHADOW_LOG_NAME), shadow_options)?;
    Ok(Arc::new(State {
        rules: ArcSwap::default(),
        experiments: ArcSwap::from_pointee(Experiments::parse("", false)?),
        in_force: ArcSwapOption::empty(),
        log,
        shadow_log,
        metrics: Metrics::new()?,
        views: RecentViews::default(),
        lag: Lag::default(),
        loading: Mutex::default(),
        model_fault: ArcSwapOption::empty(),
        refused: Mutex::default(),
        users: Mutex::default(),
        started: Instant::now(),
        reader: Mutex::default(),
        searching: Semaphore::new(config.threads.max(1)),
        config,
    }))
}

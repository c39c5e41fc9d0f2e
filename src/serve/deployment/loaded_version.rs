//! A model version in memory.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::model::Model;
use crate::recommend::{Audiences, Policy};
use crate::search::Finder;

/// As many users may have registered since a version was made where it knows few; else as many as it knows.
const MORE_USERS: i64 = 1000;

/// A model with the policy of each variant. Other rules or experiments make another of the same model, so that no list mixes
/// them.
pub struct LoadedVersion {
    /// Tells its lists in the cache from those of all others that this process ever loaded.
    pub id: u64,
    /// The model.
    pub model: Arc<Model>,
    /// Which kinds of requests are told apart.
    pub audiences: Audiences,
    /// The state of the data that the model was made of: the `as_of` of its run.
    pub snapshot: String,
    /// The largest id of a user whom it knows; ids ascend.
    newest_user: i64,
    /// For each variant of the experiments, one for each kind of request.
    policies: Vec<Policy>,
    /// A bit an item: was it in a list.
    shown: Vec<AtomicU64>,
    finder: OnceLock<Finder>,
}

impl LoadedVersion {
    /// A model that is ready to answer, with the policies of each variant for each of the audiences.
    pub fn new(model: Arc<Model>, audiences: Audiences, policies: Vec<Policy>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let shown = (0..model.parts.items.len().div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        let snapshot = model.manifest.trained_at.format("%Y%m%dT%H%M%SZ").to_string();
        let newest_user = model.parts.users.keys().copied().max().unwrap_or(0);
        Self { id, model, audiences, snapshot, newest_user, policies, shown, finder: OnceLock::new() }
    }

    /// Whether a user whom it does not know may have registered since it was made: ids ascend, so theirs comes after the largest
    /// that there was. One far beyond that was given to nobody.
    pub fn may_be_new(&self, user: i64) -> bool {
        let newest = self.newest_user;
        user > newest && user <= newest.saturating_add(newest.max(MORE_USERS))
    }

    /// What is asked of the lists of a variant for a kind of request.
    pub fn policy(&self, variant: u16, audience: u16) -> &Policy {
        &self.policies[variant as usize * self.audiences.count() + audience as usize]
    }

    /// The version's name.
    pub fn name(&self) -> &str {
        &self.model.manifest.version
    }

    /// Finds datasets by words; made when it is first asked for.
    pub fn finder(&self) -> &Finder {
        self.finder.get_or_init(|| Finder::new(&self.model))
    }

    /// Counts an item as shown.
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

//! The cache of rendered lists: one for all versions that answer, so that `CACHE_MB` holds for the whole server, also while
//! one version takes over from another.

use std::sync::Arc;

use moka::sync::Cache;

use super::{ListKey, RenderedList};

/// What moka keeps of an entry beside key and value, about: its nodes in the map, the queues and the sketch.
const OVERHEAD: usize = 192;

/// Rendered lists that many ask for; clones share it.
#[derive(Clone)]
pub struct ListCache(Cache<ListKey, Arc<RenderedList>>);

impl ListCache {
    /// A cache of at most so many megabytes.
    pub fn new(megabytes: u64) -> Self {
        Self::of_bytes(megabytes * 1_000_000)
    }

    fn of_bytes(bytes: u64) -> Self {
        Self(Cache::builder().max_capacity(bytes).weigher(weight).build())
    }

    /// The list of a key, where it was made before.
    pub fn get(&self, key: &ListKey) -> Option<Arc<RenderedList>> {
        self.0.get(key)
    }

    /// Keeps a list.
    pub fn insert(&self, key: ListKey, list: Arc<RenderedList>) {
        self.0.insert(key, list);
    }

    /// Forgets all lists, once no version that made them answers any more.
    pub fn clear(&self) {
        self.0.invalidate_all();
        self.0.run_pending_tasks();
    }

    /// How many lists there are, about.
    pub fn entries(&self) -> u64 {
        self.0.entry_count()
    }
}

/// About how many bytes an entry takes.
fn weight(_: &ListKey, list: &Arc<RenderedList>) -> u32 {
    u32::try_from(OVERHEAD + size_of::<ListKey>() + list.bytes()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use serde_json::value::to_raw_value;

    use super::super::List;
    use super::*;
    use crate::common::language::Language;

    fn key(version: u64, page: u32) -> ListKey {
        let list = List::Similar { page: Some(page), top_n: 10 };
        ListKey { version, list, language: Language::English, variant: 0, audience: 0 }
    }

    fn list(bytes: usize) -> Arc<RenderedList> {
        let raw = |bytes| to_raw_value(&"x".repeat(bytes)).expect("text");
        Arc::new(RenderedList { items: raw(bytes), logged_items: raw(0), count: 0, ranked: Vec::new() })
    }

    fn bytes_of(cache: &ListCache) -> u64 {
        cache.0.run_pending_tasks();
        cache.0.iter().map(|(key, list)| u64::from(weight(&key, &list))).sum()
    }

    #[test]
    fn its_limit_holds_for_all_versions_together() {
        const LIMIT: u64 = 100_000;
        let cache = ListCache::of_bytes(LIMIT);
        for version in 1..=4 {
            for page in 0..200 {
                cache.insert(key(version, page), list(1000));
            }
        }
        let bytes = bytes_of(&cache);
        assert!(bytes <= LIMIT && bytes > LIMIT / 2, "{bytes} bytes");
        assert!(cache.0.iter().all(|(_, list)| list.bytes() > 1000), "what a list takes is weighed");
        let found = |version| (0..200).filter(|page| cache.get(&key(version, *page)).is_some()).count();
        assert!((1..=4).map(found).sum::<usize>() < 100);
    }

    #[test]
    fn one_version_never_answers_with_a_list_of_another() {
        let cache = ListCache::new(1);
        cache.insert(key(1, 7), list(10));
        assert!(cache.get(&key(1, 7)).is_some());
        assert!(cache.get(&key(2, 7)).is_none());
        cache.clear();
        assert!(cache.get(&key(1, 7)).is_none());
        assert_eq!(cache.entries(), 0);
        // what comes after it stays
        cache.insert(key(2, 7), list(10));
        assert!(cache.get(&key(2, 7)).is_some());
    }
}

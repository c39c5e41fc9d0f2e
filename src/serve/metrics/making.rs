//! What is counted of making lists: look-ups in the cache, candidates, the time it took.

use anyhow::Result;
use prometheus::{Gauge, Histogram, IntCounter};

use super::register::{CANDIDATE_BUCKETS, LATENCY_BUCKETS, Register};
use crate::recommend::Recalled;

/// How a list was ordered that was not in the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelType {
    /// By what was learned.
    Ranker,
    /// By hand-made weights: the short way, or where nothing could be learned.
    Prior,
    /// By views.
    Trending,
}

impl ModelType {
    /// In the order of their numbers.
    const ALL: [Self; 3] = [Self::Ranker, Self::Prior, Self::Trending];

    fn name(self) -> &'static str {
        match self {
            Self::Ranker => "ranker",
            Self::Prior => "prior",
            Self::Trending => "trending",
        }
    }
}

/// What a list was chosen from.
#[derive(Clone, Copy, Debug)]
pub enum Candidates {
    /// The pool of a page or a person.
    Pool(Recalled),
    /// What is viewed most.
    Trending(usize),
}

/// Of making lists.
pub struct MakingMetrics {
    hits: IntCounter,
    misses: IntCounter,
    hit_rate: Gauge,
    /// By [`ModelType`].
    seconds: [Histogram; ModelType::ALL.len()],
    /// By who proposed them: neighbours, sessions, taste, popular; and what is viewed most.
    candidates: [Histogram; 5],
}

impl MakingMetrics {
    pub fn new(register: &Register<'_>) -> Result<Self> {
        let cache = register.counters(
            "cache_requests_total",
            "Look-ups in the cache of finished lists.",
            &["operation", "status"],
        )?;
        // it lies in the server's memory and cannot fail; dashboards add the three up
        cache.with_label_values(&["get", "error"]);
        let seconds = register.histograms(
            "model_inference_latency_seconds",
            "Time to make a list that was not in the cache, by what ordered it.",
            "model_type",
            LATENCY_BUCKETS,
        )?;
        let candidates = register.histograms(
            "recall_candidates_count",
            "Candidates of a list that was made, by who proposed them first.",
            "recall_type",
            CANDIDATE_BUCKETS,
        )?;
        Ok(Self {
            hits: cache.with_label_values(&["get", "hit"]),
            misses: cache.with_label_values(&["get", "miss"]),
            hit_rate: register.gauge("cache_hit_rate", "Share of look-ups that found their list.")?,
            seconds: ModelType::ALL.map(|of| seconds.with_label_values(&[of.name()])),
            candidates: ["neighbours", "sessions", "taste", "popular", "trending"]
                .map(|of| candidates.with_label_values(&[of])),
        })
    }

    /// A list was looked up in the cache.
    pub fn looked_up(&self, is_there: bool) {
        if is_there { &self.hits } else { &self.misses }.inc();
    }

    /// A list was made.
    pub fn made(&self, model_type: ModelType, candidates: Candidates, seconds: f64) {
        self.seconds[model_type as usize].observe(seconds);
        let [neighbours, sessions, taste, popular, trending] = &self.candidates;
        match candidates {
            Candidates::Pool(of) => {
                neighbours.observe(of.neighbours as f64);
                sessions.observe(of.sessions as f64);
                taste.observe(of.taste as f64);
                popular.observe(of.popular as f64);
            }
            Candidates::Trending(count) => trending.observe(count as f64),
        }
    }

    /// The share of look-ups in the cache that found their list.
    pub fn hit_rate(&self) -> f64 {
        let (hits, misses) = (self.hits.get() as f64, self.misses.get() as f64);
        if hits + misses > 0.0 { hits / (hits + misses) } else { 0.0 }
    }

    /// Works out the rate.
    pub fn refresh(&self) {
        self.hit_rate.set(self.hit_rate());
    }
}

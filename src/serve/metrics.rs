//! Metrics in Prometheus' form, under the names that dashboards already use.

use anyhow::Result;
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
    TextEncoder,
};

/// The endpoints that answer lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    Similar,
    Detail,
    Trending,
}

impl Endpoint {
    pub const ALL: [Self; 3] = [Self::Similar, Self::Detail, Self::Trending];

    pub fn name(self) -> &'static str {
        match self {
            Self::Similar => "similar",
            Self::Detail => "recommend_detail",
            Self::Trending => "hot_trending",
        }
    }
}

/// What one endpoint counts on its hot way, looked up once.
struct Hot {
    answered: IntCounter,
    seconds: Histogram,
    lists: IntCounter,
    fallbacks: IntCounter,
}

/// What is looked up when metrics are asked for.
pub struct Now {
    pub item_coverage: f64,
    pub user_coverage: f64,
    pub is_log_failing: bool,
    /// Lines go to a file that could not be rotated or opened anew.
    pub is_log_displaced: bool,
    /// Lists answered without being logged, since the start.
    pub unlogged: u64,
    pub has_model_fault: bool,
    pub lag_seconds: f64,
}

pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    exposures: IntCounterVec,
    fallback_ratio: GaugeVec,
    degraded: IntCounter,
    fallbacks: IntCounterVec,
    cache: [IntCounter; 2],
    cache_hit_rate: Gauge,
    inference: Histogram,
    candidates: Histogram,
    item_coverage: Gauge,
    user_coverage: Gauge,
    errors: IntCounterVec,
    log_failing: Gauge,
    log_displaced: Gauge,
    unlogged: IntCounter,
    model_fault: Gauge,
    lag: Gauge,
    quality: GaugeVec,
    contract: GaugeVec,
    hot: [Hot; 3],
}

/// Seconds, from ten microseconds to a second.
const LATENCY_BUCKETS: &[f64] =
    &[1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 2.5e-1, 1.0];

impl Metrics {
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec> {
            let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| -> Result<GaugeVec> {
            let metric = GaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let plain_gauge = |name: &str, help: &str| -> Result<Gauge> {
            let metric = Gauge::new(name, help)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let histogram = |name: &str, help: &str, buckets: &[f64]| -> Result<Histogram> {
            let metric = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let latency = HistogramVec::new(
            HistogramOpts::new("recommendation_latency_seconds", "Server time of a list, its exposure written.")
                .buckets(LATENCY_BUCKETS.to_vec()),
            &["endpoint"],
        )?;
        registry.register(Box::new(latency.clone()))?;
        let degraded = IntCounter::new("recommendation_degraded_total", "Lists answered with a fallback.")?;
        registry.register(Box::new(degraded.clone()))?;
        let requests =
            counter("recommendation_requests_total", "Requests for lists, by status.", &["endpoint", "status"])?;
        let lists = counter("recommendation_count", "Lists answered.", &["endpoint"])?;
        let fallback_lists = counter(
            "recommendation_fallback_lists_total",
            "Lists answered with a fallback, by endpoint.",
            &["endpoint"],
        )?;
        let cache = counter("cache_requests_total", "Look-ups in the cache of finished lists.", &["result"])?;
        let unlogged = IntCounter::new(
            "exposure_log_unlogged_total",
            "Lists that were answered and are not in the exposure log.",
        )?;
        registry.register(Box::new(unlogged.clone()))?;
        let hot = Endpoint::ALL.map(|endpoint| Hot {
            answered: requests.with_label_values(&[endpoint.name(), "200"]),
            seconds: latency.with_label_values(&[endpoint.name()]),
            lists: lists.with_label_values(&[endpoint.name()]),
            fallbacks: fallback_lists.with_label_values(&[endpoint.name()]),
        });
        Ok(Self {
            requests,
            exposures: counter(
                "recommendation_exposures_total",
                "Items shown.",
                &["endpoint", "variant", "experiment_variant", "degrade_reason"],
            )?,
            fallback_ratio: gauge(
                "recommendation_fallback_ratio",
                "Share of lists that were fallbacks.",
                &["endpoint"],
            )?,
            degraded,
            fallbacks: counter(
                "fallback_triggered_total",
                "Fallbacks, by cause and what stood in.",
                &["reason", "level"],
            )?,
            cache: [cache.with_label_values(&["hit"]), cache.with_label_values(&["miss"])],
            cache_hit_rate: plain_gauge("cache_hit_rate", "Share of look-ups that found their list.")?,
            inference: histogram(
                "model_inference_latency_seconds",
                "Time to compute a list that was not in the cache.",
                LATENCY_BUCKETS,
            )?,
            candidates: histogram(
                "recall_candidates_count",
                "Candidates a computed list was chosen from.",
                &[0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0],
            )?,
            item_coverage: plain_gauge(
                "item_coverage_ratio",
                "Share of listed datasets shown since the model was loaded.",
            )?,
            user_coverage: plain_gauge(
                "user_coverage_ratio",
                "Share of known users that were shown a list since the start.",
            )?,
            errors: counter("error_total", "Errors.", &["error_type", "endpoint"])?,
            log_failing: plain_gauge("exposure_log_failing", "1 while lists are served without being logged.")?,
            log_displaced: plain_gauge(
                "exposure_log_displaced",
                "1 while the exposure log's old file is written because no new one can be begun.",
            )?,
            unlogged,
            model_fault: plain_gauge("model_fault", "1 while the current version cannot be loaded.")?,
            lag: plain_gauge("server_lag_seconds", "How late requests are taken up.")?,
            quality: gauge("data_quality_score", "Share of a source table's rows with nothing set aside.", &["table"])?,
            contract: gauge(
                "data_schema_contract_status",
                "1 where a source table is there with its columns.",
                &["table"],
            )?,
            hot,
            registry,
        })
    }

    /// A list was answered; `level` is what stood in, where something had to.
    pub fn answered(&self, endpoint: Endpoint, labels: [&str; 3], level: Option<&str>, items: usize, seconds: f64) {
        let hot = &self.hot[endpoint as usize];
        hot.answered.inc();
        hot.lists.inc();
        hot.seconds.observe(seconds);
        let [variant, experiment_variant, degrade_reason] = labels;
        if let Some(level) = level {
            hot.fallbacks.inc();
            self.degraded.inc();
            self.fallbacks.with_label_values(&[degrade_reason, level]).inc();
        }
        self.exposures
            .with_label_values(&[endpoint.name(), variant, experiment_variant, degrade_reason])
            .inc_by(items as u64);
    }

    /// A request for a list failed.
    pub fn failed(&self, endpoint: Endpoint, status: u16, code: &str) {
        self.requests.with_label_values(&[endpoint.name(), &status.to_string()]).inc();
        self.error(code, endpoint.name());
    }

    pub fn error(&self, kind: &str, endpoint: &str) {
        self.errors.with_label_values(&[kind, endpoint]).inc();
    }

    pub fn cache_hit(&self) {
        self.cache[0].inc();
    }

    /// A list was computed.
    pub fn cache_miss(&self, seconds: f64, candidates: usize) {
        self.cache[1].inc();
        self.inference.observe(seconds);
        self.candidates.observe(candidates as f64);
    }

    pub fn hit_rate(&self) -> f64 {
        let (hits, misses) = (self.cache[0].get() as f64, self.cache[1].get() as f64);
        if hits + misses > 0.0 { hits / (hits + misses) } else { 0.0 }
    }

    pub fn data_quality(&self, table: &str, score: f64, contract: f64) {
        self.quality.with_label_values(&[table]).set(score);
        self.contract.with_label_values(&[table]).set(contract);
    }

    /// All metrics as text; ratios are worked out now.
    pub fn render(&self, now: Now) -> Result<String> {
        for endpoint in Endpoint::ALL {
            let hot = &self.hot[endpoint as usize];
            let ratio = hot.fallbacks.get() as f64 / (hot.lists.get() as f64).max(1.0);
            self.fallback_ratio.with_label_values(&[endpoint.name()]).set(ratio);
        }
        self.cache_hit_rate.set(self.hit_rate());
        self.item_coverage.set(now.item_coverage);
        self.user_coverage.set(now.user_coverage);
        self.log_failing.set(f64::from(u8::from(now.is_log_failing)));
        self.log_displaced.set(f64::from(u8::from(now.is_log_displaced)));
        self.unlogged.inc_by(now.unlogged.saturating_sub(self.unlogged.get()));
        self.model_fault.set(f64::from(u8::from(now.has_model_fault)));
        self.lag.set(now.lag_seconds);
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

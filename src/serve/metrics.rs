//! Metrics in Prometheus' form, under the names that dashboards already use.

use anyhow::Result;
use prometheus::core::Collector;
use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
    TextEncoder,
};

use super::endpoint::Endpoint;
use crate::extract::data_quality::TableQuality;

/// What one endpoint counts of every list, looked up once.
struct EndpointMetrics {
    answered: IntCounter,
    seconds: Histogram,
    lists: IntCounter,
    fallbacks: IntCounter,
}

/// What is looked up when metrics are asked for.
#[derive(Debug, Default)]
pub struct Gauges {
    /// The share of listed datasets shown since the model was loaded.
    pub item_coverage: f64,
    /// The share of known users that were shown a list since the start.
    pub user_coverage: f64,
    /// Lists are served without being logged.
    pub is_log_failing: bool,
    /// Lines go to a file that could not be rotated or opened anew.
    pub is_log_displaced: bool,
    /// Lists answered without being logged, since the start.
    pub unlogged: u64,
    /// The current version does not answer.
    pub has_model_fault: bool,
    /// How late requests are taken up.
    pub lag_seconds: f64,
}

/// All that is counted and measured.
pub struct Metrics {
    registry: Registry,
    lists: ListMetrics,
    making: MakingMetrics,
    state: StateMetrics,
    errors: IntCounterVec,
    quality: GaugeVec,
    contract: GaugeVec,
}

/// Of answered lists.
struct ListMetrics {
    requests: IntCounterVec,
    exposures: IntCounterVec,
    fallback_ratio: GaugeVec,
    degraded: IntCounter,
    fallbacks: IntCounterVec,
    /// By [`Endpoint`].
    endpoints: [EndpointMetrics; Endpoint::ALL.len()],
}

/// Of making lists.
struct MakingMetrics {
    /// Hits and misses.
    cache: [IntCounter; 2],
    cache_hit_rate: Gauge,
    inference: Histogram,
    candidates: Histogram,
}

/// Of the server as it is now.
struct StateMetrics {
    item_coverage: Gauge,
    user_coverage: Gauge,
    log_failing: Gauge,
    log_displaced: Gauge,
    unlogged: IntCounter,
    model_fault: Gauge,
    lag: Gauge,
}

/// Seconds, from ten microseconds to a second.
const LATENCY_BUCKETS: &[f64] =
    &[1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 2.5e-1, 1.0];

/// Numbers of candidates: a list's length, and up to as many as the pool holds.
const CANDIDATE_BUCKETS: &[f64] = &[0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// Makes metrics that a registry knows.
struct Register<'a>(&'a Registry);

impl Register<'_> {
    fn known<M: Collector + Clone + 'static>(&self, metric: M) -> Result<M> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter> {
        self.known(IntCounter::new(name, help)?)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
        self.known(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    fn gauge(&self, name: &str, help: &str) -> Result<Gauge> {
        self.known(Gauge::new(name, help)?)
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec> {
        self.known(GaugeVec::new(Opts::new(name, help), labels)?)
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram> {
        self.known(Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?)
    }
}

impl ListMetrics {
    fn new(register: &Register<'_>) -> Result<Self> {
        let requests = register.counters(
            "recommendation_requests_total",
            "Requests for lists, by status.",
            &["endpoint", "status"],
        )?;
        let latency =
            HistogramOpts::new("recommendation_latency_seconds", "Server time of a list, its exposure written.");
        let latency = register.known(HistogramVec::new(latency.buckets(LATENCY_BUCKETS.to_vec()), &["endpoint"])?)?;
        let lists = register.counters("recommendation_count", "Lists answered.", &["endpoint"])?;
        let fallback_lists = register.counters(
            "recommendation_fallback_lists_total",
            "Lists answered with a fallback, by endpoint.",
            &["endpoint"],
        )?;
        let endpoints = Endpoint::ALL.map(|endpoint| EndpointMetrics {
            answered: requests.with_label_values(&[endpoint.name(), "200"]),
            seconds: latency.with_label_values(&[endpoint.name()]),
            lists: lists.with_label_values(&[endpoint.name()]),
            fallbacks: fallback_lists.with_label_values(&[endpoint.name()]),
        });
        Ok(Self {
            requests,
            exposures: register.counters(
                "recommendation_exposures_total",
                "Items shown.",
                &["endpoint", "variant", "experiment_variant", "degrade_reason"],
            )?,
            fallback_ratio: register.gauges(
                "recommendation_fallback_ratio",
                "Share of lists that were fallbacks.",
                &["endpoint"],
            )?,
            degraded: register.counter("recommendation_degraded_total", "Lists answered with a fallback.")?,
            fallbacks: register.counters(
                "fallback_triggered_total",
                "Fallbacks, by cause and what stood in.",
                &["reason", "level"],
            )?,
            endpoints,
        })
    }
}

impl MakingMetrics {
    fn new(register: &Register<'_>) -> Result<Self> {
        let cache =
            register.counters("cache_requests_total", "Look-ups in the cache of finished lists.", &["result"])?;
        Ok(Self {
            cache: [cache.with_label_values(&["hit"]), cache.with_label_values(&["miss"])],
            cache_hit_rate: register.gauge("cache_hit_rate", "Share of look-ups that found their list.")?,
            inference: register.histogram(
                "model_inference_latency_seconds",
                "Time to compute a list that was not in the cache.",
                LATENCY_BUCKETS,
            )?,
            candidates: register.histogram(
                "recall_candidates_count",
                "Candidates a computed list was chosen from.",
                CANDIDATE_BUCKETS,
            )?,
        })
    }
}

impl StateMetrics {
    fn new(register: &Register<'_>) -> Result<Self> {
        Ok(Self {
            item_coverage: register
                .gauge("item_coverage_ratio", "Share of listed datasets shown since the model was loaded.")?,
            user_coverage: register
                .gauge("user_coverage_ratio", "Share of known users that were shown a list since the start.")?,
            log_failing: register.gauge("exposure_log_failing", "1 while lists are served without being logged.")?,
            log_displaced: register.gauge(
                "exposure_log_displaced",
                "1 while the exposure log's old file is written because no new one can be begun.",
            )?,
            unlogged: register
                .counter("exposure_log_unlogged_total", "Lists that were answered and are not in the exposure log.")?,
            model_fault: register.gauge("model_fault", "1 while the current version cannot be loaded.")?,
            lag: register.gauge("server_lag_seconds", "How late requests are taken up.")?,
        })
    }
}

impl Metrics {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// Two metrics have the same name.
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let register = Register(&registry);
        Ok(Self {
            lists: ListMetrics::new(&register)?,
            making: MakingMetrics::new(&register)?,
            state: StateMetrics::new(&register)?,
            errors: register.counters("error_total", "Errors.", &["error_type", "endpoint"])?,
            quality: register.gauges(
                "data_quality_score",
                "Share of a source table's rows with nothing set aside.",
                &["table"],
            )?,
            contract: register.gauges(
                "data_schema_contract_status",
                "1 where a source table is there with its columns.",
                &["table"],
            )?,
            registry,
        })
    }

    /// A list was answered; `level` is what stood in, where something had to, `items` how many were shown.
    pub fn answered(&self, endpoint: Endpoint, labels: [&str; 3], level: Option<&str>, items: usize, seconds: f64) {
        let counts = &self.lists.endpoints[endpoint as usize];
        counts.answered.inc();
        counts.lists.inc();
        counts.seconds.observe(seconds);
        let [variant, experiment_variant, degrade_reason] = labels;
        if let Some(level) = level {
            counts.fallbacks.inc();
            self.lists.degraded.inc();
            self.lists.fallbacks.with_label_values(&[degrade_reason, level]).inc();
        }
        self.lists
            .exposures
            .with_label_values(&[endpoint.name(), variant, experiment_variant, degrade_reason])
            .inc_by(items as u64);
    }

    /// A request for a list failed.
    pub fn failed(&self, endpoint: Endpoint, status: u16, code: &str) {
        self.lists.requests.with_label_values(&[endpoint.name(), &status.to_string()]).inc();
        self.error(code, endpoint.name());
    }

    /// Something failed.
    pub fn error(&self, kind: &str, endpoint: &str) {
        self.errors.with_label_values(&[kind, endpoint]).inc();
    }

    /// A list was found in the cache.
    pub fn cache_hit(&self) {
        self.making.cache[0].inc();
    }

    /// A list was computed.
    pub fn cache_miss(&self, seconds: f64, candidates: usize) {
        self.making.cache[1].inc();
        self.making.inference.observe(seconds);
        self.making.candidates.observe(candidates as f64);
    }

    /// The share of look-ups in the cache that found their list.
    pub fn hit_rate(&self) -> f64 {
        let (hits, misses) = (self.making.cache[0].get() as f64, self.making.cache[1].get() as f64);
        if hits + misses > 0.0 { hits / (hits + misses) } else { 0.0 }
    }

    /// How good the source tables were in the last run; those of the run before are forgotten.
    pub fn data_quality(&self, tables: &[TableQuality]) {
        self.quality.reset();
        self.contract.reset();
        for TableQuality { table, score, contract_status } in tables {
            self.quality.with_label_values(&[table]).set(*score);
            self.contract.with_label_values(&[table]).set(*contract_status as f64);
        }
    }

    /// All metrics as text; ratios are worked out now.
    ///
    /// # Errors
    /// A metric cannot be written as text.
    pub fn render(&self, now: Gauges) -> Result<String> {
        for endpoint in Endpoint::ALL {
            let counts = &self.lists.endpoints[endpoint as usize];
            let ratio = counts.fallbacks.get() as f64 / (counts.lists.get() as f64).max(1.0);
            self.lists.fallback_ratio.with_label_values(&[endpoint.name()]).set(ratio);
        }
        self.making.cache_hit_rate.set(self.hit_rate());
        let (state, flag) = (&self.state, |is: bool| f64::from(u8::from(is)));
        state.item_coverage.set(now.item_coverage);
        state.user_coverage.set(now.user_coverage);
        state.log_failing.set(flag(now.is_log_failing));
        state.log_displaced.set(flag(now.is_log_displaced));
        state.unlogged.inc_by(now.unlogged.saturating_sub(state.unlogged.get()));
        state.model_fault.set(flag(now.has_model_fault));
        state.lag.set(now.lag_seconds);
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_servers_metrics_have_the_names_that_dashboards_know() -> Result<()> {
        let metrics = Metrics::new()?;
        // a family without any series is not written
        for endpoint in Endpoint::ALL {
            metrics.answered(endpoint, ["fallback", "control", "unknown_dataset"], Some("popular"), 10, 0.001);
            metrics.failed(endpoint, 400, "bad_request");
        }
        metrics.cache_hit();
        metrics.cache_miss(0.001, 192);
        metrics.data_quality(&[quality("dataset", 0.5)]);
        insta::assert_snapshot!(metrics.render(Gauges::default())?);
        Ok(())
    }

    fn quality(table: &str, score: f64) -> TableQuality {
        TableQuality { table: table.to_owned(), score, contract_status: 1 }
    }

    #[test]
    fn data_quality_is_the_last_runs_and_absent_before_any() -> Result<()> {
        let metrics = Metrics::new()?;
        assert!(!metrics.render(Gauges::default())?.contains("data_quality"));
        metrics.data_quality(&[quality("dataset", 0.5), quality("task", 1.0)]);
        metrics.data_quality(&[quality("dataset", 0.75)]);
        let text = metrics.render(Gauges::default())?;
        assert!(text.contains("data_quality_score{table=\"dataset\"} 0.75\n") && !text.contains("task"), "{text}");
        Ok(())
    }

    #[test]
    fn lists_that_were_not_logged_are_counted_once() -> Result<()> {
        let metrics = Metrics::new()?;
        for _ in 0..2 {
            let text = metrics.render(Gauges { unlogged: 3, is_log_failing: true, ..Gauges::default() })?;
            assert!(text.contains("exposure_log_unlogged_total 3\n") && text.contains("exposure_log_failing 1\n"));
        }
        Ok(())
    }
}

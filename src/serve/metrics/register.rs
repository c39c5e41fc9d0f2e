//! Metrics as a registry makes and knows them.

use anyhow::Result;
use prometheus::core::Collector;
use prometheus::{Counter, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

/// Seconds: from ten microseconds, since that is what a list in the cache takes, to ten seconds, where dashboards expect the
/// last; a fifth of a second is a bound of its own, since a rule asks for it.
pub const LATENCY_BUCKETS: &[f64] = &[
    1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 1e-1, 2e-1, 2.5e-1, 5e-1, 1.0, 2.5,
    5.0, 10.0,
];

/// How many items a list has.
pub const ITEM_BUCKETS: &[f64] = &[0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0];

/// How many candidates there were: up to as many as the pool holds.
pub const CANDIDATE_BUCKETS: &[f64] = &[0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];

/// Makes metrics that a registry knows.
pub struct Register<'a>(pub &'a Registry);

impl Register<'_> {
    fn known<M: Collector + Clone + 'static>(&self, metric: M) -> Result<M> {
        self.0.register(Box::new(metric.clone()))?;
        Ok(metric)
    }

    pub fn counter(&self, name: &str, help: &str) -> Result<IntCounter> {
        self.known(IntCounter::new(name, help)?)
    }

    pub fn seconds(&self, name: &str, help: &str) -> Result<Counter> {
        self.known(Counter::new(name, help)?)
    }

    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec> {
        self.known(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    pub fn gauge(&self, name: &str, help: &str) -> Result<Gauge> {
        self.known(Gauge::new(name, help)?)
    }

    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec> {
        self.known(GaugeVec::new(Opts::new(name, help), labels)?)
    }

    pub fn histograms(&self, name: &str, help: &str, label: &str, buckets: &[f64]) -> Result<HistogramVec> {
        self.known(HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), &[label])?)
    }
}

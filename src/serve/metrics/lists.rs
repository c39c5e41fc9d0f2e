//! What is counted of answered lists and of requests that failed.

use std::time::Instant;

use anyhow::Result;
use prometheus::core::Metric;
use prometheus::{GaugeVec, Histogram, IntCounter, IntCounterVec};

use super::recent::Recent;
use super::register::{ITEM_BUCKETS, LATENCY_BUCKETS, Register};
use crate::serve::answer::DegradeReason;
use crate::serve::endpoint::Endpoint;

const ENDPOINTS: usize = Endpoint::ALL.len();

/// A list that was answered.
pub struct Answered<'a> {
    pub endpoint: Endpoint,
    pub variant: &'a str,
    pub experiment_variant: &'a str,
    /// Why it is not what it would be at best.
    pub degraded: Option<DegradeReason>,
    /// How many items it has.
    pub items: usize,
    /// Whether a visitor looks at it.
    pub is_view: bool,
    pub seconds: f64,
}

/// What one endpoint counts of every list, looked up once.
struct OfEndpoint {
    succeeded: IntCounter,
    failed: IntCounter,
    answered: IntCounter,
    seconds: Histogram,
    items: Histogram,
    over_budget: IntCounter,
    fallbacks: IntCounter,
    recent: RecentLists,
}

/// Lists of the last ten minutes.
#[derive(Default)]
struct RecentLists {
    all: Recent,
    fallbacks: Recent,
    /// For users that the version does not know.
    of_unknown_users: Recent,
}

/// Of answered lists.
pub struct ListMetrics {
    started: Instant,
    responses: IntCounterVec,
    exposures: IntCounterVec,
    degraded: IntCounterVec,
    fallbacks: IntCounterVec,
    timeouts: IntCounterVec,
    fallback_ratio: GaugeVec,
    unknown_user_ratio: GaugeVec,
    /// By [`Endpoint`].
    endpoints: [OfEndpoint; ENDPOINTS],
}

impl OfEndpoint {
    fn all(register: &Register<'_>, responses: &IntCounterVec, timeouts: &IntCounterVec) -> Result<[Self; ENDPOINTS]> {
        let requests = register.counters(
            "recommendation_requests_total",
            "Requests for lists: success, or error where the server failed (5xx). What a client asked wrongly is neither.",
            &["endpoint", "status"],
        )?;
        let seconds = register.histograms(
            "recommendation_latency_seconds",
            "Server time of a list, its exposure written.",
            "endpoint",
            LATENCY_BUCKETS,
        )?;
        let items = register.histograms("recommendation_count", "Items of a list.", "endpoint", ITEM_BUCKETS)?;
        let fallback_lists = register.counters(
            "recommendation_fallback_lists_total",
            "Lists answered with a fallback; one for a user nobody knows is none.",
            &["endpoint"],
        )?;
        Ok(Endpoint::ALL.map(|endpoint| {
            let name = endpoint.name();
            Self {
                succeeded: requests.with_label_values(&[name, "success"]),
                failed: requests.with_label_values(&[name, "error"]),
                answered: responses.with_label_values(&[name, "200"]),
                seconds: seconds.with_label_values(&[name]),
                items: items.with_label_values(&[name]),
                over_budget: timeouts.with_label_values(&[name, "list"]),
                fallbacks: fallback_lists.with_label_values(&[name]),
                recent: RecentLists::default(),
            }
        }))
    }
}

/// What is counted of fallbacks: by endpoint and cause, and by cause and what stood in. A counter that is there from the start
/// has a rate from its first event on.
fn fallbacks(register: &Register<'_>) -> Result<[IntCounterVec; 2]> {
    let degraded = register.counters(
        "recommendation_degraded_total",
        "Lists answered with a fallback, by cause; one for a user nobody knows is none.",
        &["endpoint", "reason"],
    )?;
    let fallbacks = register.counters(
        "fallback_triggered_total",
        "Lists that are not what they would be at best, by cause and by what stood in.",
        &["reason", "level"],
    )?;
    for reason in [DegradeReason::UnknownDataset, DegradeReason::UnknownUser, DegradeReason::OverBudget] {
        fallbacks.with_label_values(&[reason.name(), reason.level()]);
        for endpoint in Endpoint::ALL.into_iter().filter(|_| reason != DegradeReason::UnknownUser) {
            degraded.with_label_values(&[endpoint.name(), reason.name()]);
        }
    }
    Ok([degraded, fallbacks])
}

impl ListMetrics {
    pub fn new(register: &Register<'_>) -> Result<Self> {
        let responses = register.counters(
            "recommendation_responses_total",
            "Answers to requests for lists, by the code of HTTP.",
            &["endpoint", "code"],
        )?;
        let timeouts = register.counters(
            "recommendation_timeouts_total",
            "What was not done in its time: list (made the short way since the server was late), search (turned away).",
            &["endpoint", "operation"],
        )?;
        let endpoints = OfEndpoint::all(register, &responses, &timeouts)?;
        let [degraded, fallbacks] = fallbacks(register)?;
        let ratio = |name, help| register.gauges(name, help, &["endpoint"]);
        let exposures = register.counters(
            "recommendation_exposures_total",
            "Items shown.",
            &["endpoint", "variant", "experiment_variant", "degrade_reason"],
        )?;
        // a server that has shown nothing says so, or nobody would notice
        for endpoint in Endpoint::ALL {
            exposures.with_label_values(&[endpoint.name(), "primary", "control", "none"]);
        }
        Ok(Self {
            started: Instant::now(),
            responses,
            exposures,
            degraded,
            fallbacks,
            timeouts,
            fallback_ratio: ratio(
                "recommendation_fallback_ratio",
                "Share of the lists of the last ten minutes that were fallbacks; one for a user nobody knows is none.",
            )?,
            unknown_user_ratio: ratio(
                "recommendation_unknown_user_ratio",
                "Share of the lists of the last ten minutes that were for a user whom the version does not know.",
            )?,
            endpoints,
        })
    }

    /// A list was answered.
    pub fn answered(&self, list: &Answered<'_>) {
        let (of, now) = (&self.endpoints[list.endpoint as usize], self.started.elapsed());
        of.succeeded.inc();
        of.answered.inc();
        of.seconds.observe(list.seconds);
        of.items.observe(list.items as f64);
        of.recent.all.add(now);
        if let Some(reason) = list.degraded {
            self.fallbacks.with_label_values(&[reason.name(), reason.level()]).inc();
            if reason == DegradeReason::UnknownUser {
                of.recent.of_unknown_users.add(now);
            } else {
                of.fallbacks.inc();
                of.recent.fallbacks.add(now);
                self.degraded.with_label_values(&[list.endpoint.name(), reason.name()]).inc();
            }
            if reason == DegradeReason::OverBudget {
                of.over_budget.inc();
            }
        }
        if list.is_view {
            let reason = list.degraded.map_or("none", DegradeReason::name);
            let labels = [list.endpoint.name(), list.variant, list.experiment_variant, reason];
            self.exposures.with_label_values(&labels).inc_by(list.items as u64);
        }
    }

    /// The seconds within which this share of the lists since the start was answered, as closely as the buckets tell; `None`
    /// before there was one.
    pub fn latency(&self, share: f64) -> Option<f64> {
        let metrics = self.endpoints.each_ref().map(|of| of.seconds.metric());
        let histograms = metrics.each_ref().map(|metric| metric.get_histogram());
        let all: u64 = histograms.iter().map(|histogram| histogram.get_sample_count()).sum();
        let due = share * all as f64;
        let (mut below, mut lower) = (0.0, 0.0);
        for (place, upper) in LATENCY_BUCKETS.iter().enumerate() {
            let buckets = histograms.iter().filter_map(|histogram| histogram.get_bucket().get(place));
            let within = buckets.map(|bucket| bucket.cumulative_count()).sum::<u64>() as f64;
            if all > 0 && within >= due {
                return Some(lower + (upper - lower) * (due - below) / (within - below).max(1.0));
            }
            (below, lower) = (within, *upper);
        }
        (all > 0).then_some(lower)
    }

    /// A request for a list was answered with an error of this code.
    pub fn failed(&self, endpoint: Endpoint, code: u16) {
        if code >= 500 {
            self.endpoints[endpoint as usize].failed.inc();
        }
        self.responses.with_label_values(&[endpoint.name(), &code.to_string()]).inc();
    }

    /// Something was not done in its time.
    pub fn timeout(&self, endpoint: &str, operation: &str) {
        self.timeouts.with_label_values(&[endpoint, operation]).inc();
    }

    /// Works out the ratios of the last ten minutes.
    pub fn refresh(&self) {
        let now = self.started.elapsed();
        for endpoint in Endpoint::ALL {
            let recent = &self.endpoints[endpoint as usize].recent;
            let all = recent.all.count(now).max(1) as f64;
            let ratio = |part: &Recent| part.count(now) as f64 / all;
            self.fallback_ratio.with_label_values(&[endpoint.name()]).set(ratio(&recent.fallbacks));
            self.unknown_user_ratio.with_label_values(&[endpoint.name()]).set(ratio(&recent.of_unknown_users));
        }
    }
}

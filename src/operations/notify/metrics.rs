//! What the gateway's `/metrics` says.

use std::sync::LazyLock;

use prometheus::{IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};

use super::routing::Routing;
use super::telling::{letters_for, notices_for};
use crate::config::Config;

/// Those of this process.
pub static METRICS: LazyLock<Metrics> = LazyLock::new(Metrics::new);

/// How notifications went.
pub struct Metrics {
    registry: Registry,
    sent: Option<IntCounterVec>,
    waiting: Option<IntGaugeVec>,
}

impl Metrics {
    fn new() -> Self {
        let registry = Registry::new();
        let sent = IntCounterVec::new(
            Opts::new("notifications_total", "Letters to a receiver: sent, tried in vain, refused for good."),
            &["receiver", "result"],
        );
        let waiting = IntGaugeVec::new(
            Opts::new("notifications_waiting", "Notices and letters that a receiver has not got yet."),
            &["receiver"],
        );
        let (sent, waiting) = (sent.ok(), waiting.ok());
        if let Some(sent) = &sent {
            registry.register(Box::new(sent.clone())).ok();
        }
        if let Some(waiting) = &waiting {
            registry.register(Box::new(waiting.clone())).ok();
        }
        Self { registry, sent, waiting }
    }

    /// Counts a letter: `sent`, `later` or `refused`.
    pub fn count(&self, receiver: &str, result: &str) {
        if let Some(sent) = &self.sent {
            sent.with_label_values(&[receiver, result]).inc();
        }
    }

    /// All of them as text.
    pub fn text(&self, config: &Config, routing: &Routing) -> String {
        for receiver in &routing.receivers {
            let waits = |outbox: crate::operations::Outbox| outbox.count().unwrap_or(0);
            let name = receiver.name.as_str();
            for result in ["sent", "later", "refused"] {
                if let Some(sent) = &self.sent {
                    sent.with_label_values(&[name, result]).inc_by(0);
                }
            }
            if let Some(waiting) = &self.waiting {
                let count = waits(notices_for(config, name)) + waits(letters_for(config, name));
                waiting.with_label_values(&[name]).set(count as i64);
            }
        }
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }
}

//! Metrics of queries to the warehouse: those of the server's own pages and routes, and those of analysts.

use std::time::Duration;

use anyhow::Result;
use prometheus::{HistogramVec, IntCounterVec};

use super::register::{LATENCY_BUCKETS, Register};
use crate::query::{Asker, Outcome};

/// Of queries.
pub struct QueryMetrics {
    ended: IntCounterVec,
    seconds: HistogramVec,
}

fn name(asker: Asker) -> &'static str {
    match asker {
        Asker::Server => "server",
        Asker::Analyst => "analyst",
    }
}

impl QueryMetrics {
    pub fn new(register: &Register<'_>) -> Result<Self> {
        let metrics = Self {
            ended: register.counters(
                "warehouse_queries_total",
                "Queries to the warehouse, by who asked (server: pages and views, analyst: POST /sql) and what became of them.",
                &["asker", "outcome"],
            )?,
            seconds: register.histograms(
                "warehouse_query_seconds",
                "How long queries to the warehouse took, waiting for their turn included.",
                "asker",
                LATENCY_BUCKETS,
            )?,
        };
        for asker in [Asker::Server, Asker::Analyst].map(name) {
            Outcome::ALL.iter().for_each(|(_, outcome)| metrics.ended.with_label_values(&[asker, outcome]).inc_by(0));
        }
        Ok(metrics)
    }

    /// A query ended.
    pub fn ended(&self, asker: Asker, outcome: Outcome, time: Duration) {
        self.ended.with_label_values(&[name(asker), outcome.name()]).inc();
        self.seconds.with_label_values(&[name(asker)]).observe(time.as_secs_f64());
    }
}

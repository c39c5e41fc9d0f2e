//! Metrics in Prometheus' form, under the names that dashboards already use, and beside them what an operator asks.

mod jobs;
mod lists;
mod making;
mod operator;
mod process;
mod queries;
mod recent;
mod register;
mod state;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use prometheus::{Encoder, IntCounterVec, Registry, TextEncoder};

use self::jobs::JobMetrics;
use self::lists::ListMetrics;
use self::making::MakingMetrics;
use self::operator::{PublishedMetrics, RunMetrics};
use self::process::ProcessMetrics;
use self::queries::QueryMetrics;
use self::register::Register;
use self::state::StateMetrics;
use super::endpoint::Endpoint;
use crate::evaluate::OperatorFigures;
use crate::query::{Asker, Outcome};
use crate::warehouse::{RunSummary, ScheduleState};

pub use self::lists::Answered;
pub use self::making::{Candidates, ModelType};
pub use self::state::{Disk, Gauges};

/// All that is counted and measured.
pub struct Metrics {
    registry: Registry,
    lists: ListMetrics,
    making: MakingMetrics,
    queries: QueryMetrics,
    state: StateMetrics,
    process: Option<ProcessMetrics>,
    runs: RunMetrics,
    jobs: JobMetrics,
    published: PublishedMetrics,
    errors: IntCounterVec,
    /// Whoever asks sees all figures of one run: a series that is gone for a moment would end an alert.
    whole: Mutex<()>,
}

impl Metrics {
    /// Nothing counted yet; `environment` is where this server stands.
    ///
    /// # Errors
    /// Two metrics have the same name.
    pub fn new(environment: &str) -> Result<Self> {
        let registry = Registry::new();
        let register = Register(&registry);
        Ok(Self {
            lists: ListMetrics::new(&register)?,
            making: MakingMetrics::new(&register)?,
            queries: QueryMetrics::new(&register)?,
            state: StateMetrics::new(&register, environment)?,
            process: ProcessMetrics::new(&register)?,
            runs: RunMetrics::new(&register)?,
            jobs: JobMetrics::new(&register)?,
            published: PublishedMetrics::new(&register)?,
            errors: register.counters("error_total", "Errors.", &["error_type", "endpoint"])?,
            whole: Mutex::default(),
            registry,
        })
    }

    /// A list was answered.
    pub fn answered(&self, list: &Answered<'_>) {
        self.lists.answered(list);
    }

    /// A request for a list was answered with an error.
    pub fn failed(&self, endpoint: Endpoint, status: u16, code: &str) {
        self.lists.failed(endpoint, status);
        self.error(code, endpoint.name());
    }

    /// The seconds within which this share of the lists since the start was answered; `None` before there was one.
    pub fn latency(&self, share: f64) -> Option<f64> {
        self.lists.latency(share)
    }

    /// Something failed.
    pub fn error(&self, kind: &str, endpoint: &str) {
        self.errors.with_label_values(&[kind, endpoint]).inc();
    }

    /// Something was not done in its time.
    pub fn timeout(&self, endpoint: &str, operation: &str) {
        self.lists.timeout(endpoint, operation);
    }

    /// A query to the warehouse ended.
    pub fn queried(&self, asker: Asker, outcome: Outcome, time: Duration) {
        self.queries.ended(asker, outcome, time);
    }

    /// A list was looked up in the cache.
    pub fn looked_up(&self, is_there: bool) {
        self.making.looked_up(is_there);
    }

    /// A list was made.
    pub fn made(&self, model_type: ModelType, candidates: Candidates, seconds: f64) {
        self.making.made(model_type, candidates, seconds);
    }

    /// The share of look-ups in the cache that found their list.
    pub fn hit_rate(&self) -> f64 {
        self.making.hit_rate()
    }

    /// How full the disks are, and how much of that is the exposure log.
    pub fn disks(&self, disks: &[Disk], log_bytes: u64) {
        self.state.disks(disks, log_bytes);
    }

    /// How the last runs were; those known before are forgotten.
    pub fn runs(&self, runs: Option<&RunSummary>) {
        let _whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        self.runs.take_up(runs);
    }

    /// How the jobs of the schedule stand; what was known before is forgotten.
    pub fn jobs(&self, state: Option<&ScheduleState>) {
        let _whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        self.jobs.take_up(state);
    }

    /// What the last run published; that of the run before is forgotten.
    pub fn published(&self, figures: &OperatorFigures) {
        let _whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        self.published.take_up(figures);
    }

    /// All metrics as text; what is of the moment is worked out now.
    ///
    /// # Errors
    /// A metric cannot be written as text.
    pub fn render(&self, now: &Gauges) -> Result<String> {
        let _whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        self.lists.refresh();
        self.making.refresh();
        self.state.refresh(now);
        if let Some(process) = &self.process {
            process.refresh();
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(String::from_utf8(text)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recommend::Recalled;
    use crate::serve::answer::DegradeReason;

    fn answered(endpoint: Endpoint, degraded: Option<DegradeReason>) -> Answered<'static> {
        let variant = if degraded.is_some() { "fallback" } else { "primary" };
        Answered {
            endpoint,
            variant,
            experiment_variant: "control",
            degraded,
            items: 10,
            is_view: true,
            seconds: 0.001,
        }
    }

    fn figures(text: &str) -> OperatorFigures {
        serde_json::from_str(text).expect("figures")
    }

    fn jobs() -> ScheduleState {
        let text = r#"{"scheduler": 7, "looked": "2026-10-14T20:00:30Z", "jobs": {"daily": {
            "rhythm": "0 20 * * * UTC", "through": "2026-10-14T20:00:00Z", "next": "2026-10-15T20:00:00Z", "work": null,
            "last": null, "succeeded": "2026-10-13T20:01:00Z", "usual_seconds": 60.0,
            "failure": {"since": "2026-10-14T20:00:09Z", "slot": "2026-10-14T20:00:00Z", "at": "2026-10-14T20:00:09Z",
                "error": "exit code 1", "is_final": true}}}}"#;
        serde_json::from_str(text).expect("a state")
    }

    const FIGURES: &str = r#"{
        "sources": [{"table": "business.dataset", "newest": 1792000000.0, "rows": 7}],
        "quality": [{"table": "interactions", "score": 97.5, "anomalies": 3}],
        "alerts": [{"severity": "warning", "alerts": 1}],
        "contracts": [{"table": "business.dataset", "is_kept": false, "violations": 2}],
        "lists": [{"endpoint": "similar", "ctr": 0.05, "cvr": null}],
        "tracking": [{"endpoint": "similar", "coverage": 0.75, "views": 400}],
        "reconciliation": [{"status": "ok", "days": 7}],
        "experiments": [{"experiment": "e", "variant": "b", "visitors": 7, "rate": 0.25, "verdict": "better", "is_sample_ratio_off": false}]
    }"#;

    #[test]
    fn all_metrics_have_the_names_that_dashboards_know() -> Result<()> {
        let metrics = Metrics::new("production")?;
        // a family without any series is not written
        for endpoint in Endpoint::ALL {
            metrics.answered(&answered(endpoint, Some(DegradeReason::UnknownDataset)));
            metrics.failed(endpoint, 400, "bad_request");
        }
        metrics.looked_up(true);
        let recalled = Recalled { neighbours: 160, sessions: 12, taste: 0, popular: 20 };
        metrics.made(ModelType::Ranker, Candidates::Pool(recalled), 0.001);
        metrics.disks(&[Disk { folder: "DATA_DIR", free_bytes: 5, size_bytes: 9 }], 3);
        let lines = r#"{"event":"started","run":"1","at":"2026-10-14T00:00:00Z","as_of":"2026-10-13T00:00:00Z","steps":[]}
            {"event":"step","run":"1","step":"extract","at":"2026-10-14T00:00:02Z","seconds":2.0,"rows":7,"error":null}
            {"event":"ended","run":"1","at":"2026-10-14T00:00:03Z","seconds":3.0,"peak_bytes":9,"error":null}"#;
        metrics.runs(RunSummary::of(lines, || false).as_ref());
        metrics.jobs(Some(&jobs()));
        metrics.published(&figures(FIGURES));
        let model = Some(("20261014T000000Z-1a2b3c4d".to_owned(), 1792000000.0));
        let text = metrics.render(&Gauges { model, ..Gauges::default() })?;
        // what the machine says is another figure each time
        let known = text.lines().filter(|line| !line.starts_with("process_"));
        insta::assert_snapshot!(known.collect::<Vec<_>>().join("\n"));
        for name in [
            "cpu_seconds_total",
            "start_time_seconds",
            "resident_memory_bytes",
            "virtual_memory_bytes",
            "open_fds",
            "max_fds",
            "threads",
        ] {
            let line = text.lines().find_map(|line| line.strip_prefix(&format!("process_{name} ")));
            assert!(
                line.is_some_and(|figure| figure.parse::<f64>().is_ok_and(|figure| figure >= 0.0)),
                "{name}: {text}"
            );
        }
        Ok(())
    }

    #[test]
    fn figures_are_the_last_runs_and_absent_before_any() -> Result<()> {
        let metrics = Metrics::new("production")?;
        let text = || metrics.render(&Gauges::default());
        assert!(!text()?.contains("data_quality") && !text()?.contains("pipeline_"));
        metrics.published(&figures(FIGURES));
        metrics.published(&figures(r#"{"quality": [{"table": "users", "score": 75.0, "anomalies": 0}]}"#));
        assert!(text()?.contains("data_quality_score{table=\"users\"} 75\n"));
        assert!(!text()?.contains("interactions") && !text()?.contains("tracking_coverage"), "{}", text()?);
        Ok(())
    }

    #[test]
    fn the_time_of_most_lists_is_read_from_the_buckets() -> Result<()> {
        let metrics = Metrics::new("production")?;
        assert_eq!(metrics.latency(0.5), None);
        for _ in 0..98 {
            metrics.answered(&answered(Endpoint::Detail, None));
        }
        for endpoint in [Endpoint::Similar, Endpoint::Trending] {
            metrics.answered(&Answered { seconds: 0.3, ..answered(endpoint, None) });
        }
        let middle = metrics.latency(0.5).expect("lists");
        assert!((5e-4..=1e-3).contains(&middle), "{middle}");
        assert!(metrics.latency(0.99).is_some_and(|slow| (0.25..=0.5).contains(&slow)));
        Ok(())
    }

    #[test]
    fn a_user_nobody_knows_is_no_fallback() -> Result<()> {
        let metrics = Metrics::new("production")?;
        for degraded in
            [None, Some(DegradeReason::UnknownUser), Some(DegradeReason::UnknownUser), Some(DegradeReason::OverBudget)]
        {
            metrics.answered(&answered(Endpoint::Detail, degraded));
        }
        let text = metrics.render(&Gauges::default())?;
        for line in [
            r#"recommendation_fallback_ratio{endpoint="recommend_detail"} 0.25"#,
            r#"recommendation_unknown_user_ratio{endpoint="recommend_detail"} 0.5"#,
            r#"recommendation_fallback_ratio{endpoint="similar"} 0"#,
            r#"recommendation_fallback_lists_total{endpoint="recommend_detail"} 1"#,
            r#"recommendation_degraded_total{endpoint="recommend_detail",reason="over_budget"} 1"#,
            r#"recommendation_timeouts_total{endpoint="recommend_detail",operation="list"} 1"#,
            r#"fallback_triggered_total{level="anonymous",reason="unknown_user"} 2"#,
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
        }
        assert!(!text.contains(r#"recommendation_degraded_total{endpoint="recommend_detail",reason="unknown_user"}"#));
        Ok(())
    }

    #[test]
    fn what_a_client_asks_wrongly_is_no_error_of_the_server() -> Result<()> {
        let metrics = Metrics::new("production")?;
        metrics.failed(Endpoint::Similar, 400, "bad_request");
        metrics.failed(Endpoint::Similar, 503, "overloaded");
        let text = metrics.render(&Gauges::default())?;
        for line in [
            r#"recommendation_requests_total{endpoint="similar",status="error"} 1"#,
            r#"recommendation_requests_total{endpoint="similar",status="success"} 0"#,
            r#"recommendation_responses_total{code="400",endpoint="similar"} 1"#,
            r#"recommendation_responses_total{code="503",endpoint="similar"} 1"#,
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line} is not in\n{text}");
        }
        Ok(())
    }

    #[test]
    fn lists_that_were_not_logged_are_counted_once() -> Result<()> {
        let metrics = Metrics::new("production")?;
        for _ in 0..2 {
            let text = metrics.render(&Gauges { unlogged: 3, is_log_failing: true, ..Gauges::default() })?;
            assert!(text.contains("exposure_log_unlogged_total 3\n") && text.contains("exposure_log_failing 1\n"));
        }
        Ok(())
    }
}

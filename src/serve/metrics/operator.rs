//! What an operator asks of the pipeline: how the last run was, and the figures that it published.

use anyhow::Result;
use prometheus::GaugeVec;

use super::register::Register;
use crate::evaluate::{ExperimentFigures, OperatorFigures};
use crate::warehouse::{Outcome, RunSummary};

/// Puts these series in the place of all that a family has. What is not known has no series: 0 would be a figure.
pub fn replace<'a, const N: usize>(family: &GaugeVec, series: impl IntoIterator<Item = ([&'a str; N], f64)>) {
    family.reset();
    for (labels, value) in series {
        family.with_label_values(&labels).set(value);
    }
}

/// Of runs, as their history tells them.
pub struct RunMetrics {
    outcome: GaugeVec,
    started: GaugeVec,
    ended: GaugeVec,
    published: GaugeVec,
    as_of: GaugeVec,
    seconds: GaugeVec,
    memory: GaugeVec,
    step_seconds: GaugeVec,
    step_rows: GaugeVec,
}

impl RunMetrics {
    pub fn new(register: &Register<'_>) -> Result<Self> {
        Ok(Self {
            outcome: register.gauges(
                "pipeline_run_outcome",
                "What became of the last run: 1 for one of done, held_back, refused, incomplete, failed, killed, running.",
                &["outcome"],
            )?,
            started: register.gauges(
                "pipeline_run_start_timestamp_seconds",
                "When the last run began, in seconds since 1970.",
                &[],
            )?,
            ended: register.gauges(
                "pipeline_run_end_timestamp_seconds",
                "When the last run that came to its end did so, whatever became of it, in seconds since 1970.",
                &[],
            )?,
            published: register.gauges(
                "pipeline_run_published_timestamp_seconds",
                "When the last run that published its figures ended, in seconds since 1970.",
                &[],
            )?,
            as_of: register.gauges(
                "pipeline_run_as_of_timestamp_seconds",
                "The moment that the last run which published stands for, in seconds since 1970.",
                &[],
            )?,
            seconds: register.gauges(
                "pipeline_run_duration_seconds",
                "How long the last run took that came to its end.",
                &[],
            )?,
            memory: register.gauges(
                "pipeline_run_peak_memory_bytes",
                "The most memory that the last run held which came to its end.",
                &[],
            )?,
            step_seconds: register.gauges(
                "pipeline_step_duration_seconds",
                "How long a step took when it was last done.",
                &["step"],
            )?,
            step_rows: register.gauges(
                "pipeline_step_rows",
                "Rows that a step took in or made when it was last done.",
                &["step"],
            )?,
        })
    }

    /// Takes up the history of runs; without one there are no series.
    pub fn take_up(&self, runs: Option<&RunSummary>) {
        let outcomes = |runs: &RunSummary| {
            let last = runs.outcome;
            Outcome::ALL.map(|outcome| ([outcome.name()], f64::from(u8::from(outcome == last))))
        };
        let one = |value: Option<f64>| value.map(|value| ([], value));
        let ended = runs.and_then(|runs| runs.ended.as_ref());
        let published = runs.and_then(|runs| runs.published.as_ref());
        let seconds = |at: chrono::DateTime<chrono::Utc>| at.timestamp_millis() as f64 / 1000.0;
        replace(&self.outcome, runs.map(outcomes).into_iter().flatten());
        replace(&self.started, one(runs.map(|runs| seconds(runs.started_at))));
        replace(&self.ended, one(ended.map(|ended| seconds(ended.at))));
        replace(&self.seconds, one(ended.map(|ended| ended.seconds)));
        replace(&self.memory, one(ended.map(|ended| ended.peak_bytes as f64)));
        replace(&self.published, one(published.map(|published| seconds(published.at))));
        replace(&self.as_of, one(published.map(|published| seconds(published.as_of))));
        let steps = || runs.into_iter().flat_map(|runs| &runs.steps);
        replace(&self.step_seconds, steps().map(|(step, done)| ([step.as_str()], done.seconds)));
        replace(&self.step_rows, steps().map(|(step, done)| ([step.as_str()], done.rows as f64)));
    }
}

/// Of what the last run published.
pub struct PublishedMetrics {
    newest_row: GaugeVec,
    source_rows: GaugeVec,
    quality: GaugeVec,
    anomalies: GaugeVec,
    alerts: GaugeVec,
    odd_days: GaugeVec,
    failed_views: GaugeVec,
    contract: GaugeVec,
    violations: GaugeVec,
    ctr: GaugeVec,
    cvr: GaugeVec,
    coverage: GaugeVec,
    covered_views: GaugeVec,
    reconciliation: GaugeVec,
    experiment_rate: GaugeVec,
    experiment_visitors: GaugeVec,
    experiment_verdict: GaugeVec,
    experiment_ratio: GaugeVec,
}

impl PublishedMetrics {
    pub fn new(register: &Register<'_>) -> Result<Self> {
        Ok(Self {
            newest_row: register.gauges(
                "source_newest_row_timestamp_seconds",
                "When the newest row of a source table changed, in seconds since 1970.",
                &["table"],
            )?,
            source_rows: register.gauges("source_rows", "Rows of a source table.", &["table"])?,
            quality: register.gauges("data_quality_score", "How good a table's rows are, 0 to 100.", &["table"])?,
            anomalies: register.gauges("data_quality_anomalies", "What is odd in a table.", &["table"])?,
            alerts: register.gauges("data_quality_alerts", "Findings on the quality of data.", &["severity"])?,
            odd_days: register.gauges(
                "data_quality_odd_day",
                "1 where a figure of a table's last whole day is not as the same weekdays before.",
                &["table", "measure", "severity"],
            )?,
            failed_views: register.gauges(
                "sql_project_view_failed",
                "1 where a view of an analyst failed in the last run and keeps its last good rows.",
                &["view"],
            )?,
            contract: register.gauges(
                "data_schema_contract_status",
                "1 where a source table keeps its contract, else 0; none for one that may be absent and is.",
                &["table"],
            )?,
            violations: register.gauges(
                "data_schema_contract_violations",
                "Values and columns of a source table that break its contract.",
                &["table"],
            )?,
            ctr: register.gauges(
                "recommendation_ctr",
                "Clicks for each exposure in the last seven days with exposures.",
                &["endpoint"],
            )?,
            cvr: register.gauges(
                "recommendation_cvr",
                "Attributed conversions for each click in the last seven days with exposures.",
                &["endpoint"],
            )?,
            coverage: register.gauges(
                "tracking_coverage_ratio",
                "Share of the last day's views from lists that carry the list's request id.",
                &["endpoint"],
            )?,
            covered_views: register.gauges(
                "tracking_coverage_views",
                "Views from lists of the last day that there are any of.",
                &["endpoint"],
            )?,
            reconciliation: register.gauges(
                "reconciliation_status",
                "How many of the last seven days are ok, warning, critical or no_orders.",
                &["status"],
            )?,
            experiment_rate: register.gauges(
                "experiment_rate",
                "What the variants of an experiment are compared by, as clicks for each list.",
                &["experiment", "experiment_variant"],
            )?,
            experiment_visitors: register.gauges(
                "experiment_visitors",
                "How many visitors got a variant.",
                &["experiment", "experiment_variant"],
            )?,
            experiment_verdict: register.gauges(
                "experiment_verdict",
                "1 for what may be said of a variant: better, worse, no_difference_found, too_early or sample_ratio_off.",
                &["experiment", "experiment_variant", "verdict"],
            )?,
            experiment_ratio: register.gauges(
                "experiment_sample_ratio_off",
                "1 where visitors do not come to the variants of an experiment as they were allocated.",
                &["experiment"],
            )?,
        })
    }

    /// Takes up what a run published; that of the run before is forgotten.
    pub fn take_up(&self, figures: &OperatorFigures) {
        let OperatorFigures {
            sources,
            quality,
            alerts,
            odd_days,
            contracts,
            lists,
            tracking,
            reconciliation,
            experiments,
            views,
        } = figures;
        replace(&self.failed_views, views.iter().map(|one| ([one.name.as_str()], 1.0)));
        let newest = sources.iter().filter_map(|one| Some(([one.table.as_str()], one.newest?)));
        replace(&self.newest_row, newest);
        replace(&self.source_rows, sources.iter().map(|one| ([one.table.as_str()], one.rows as f64)));
        replace(&self.quality, quality.iter().map(|one| ([one.table.as_str()], one.score)));
        replace(&self.anomalies, quality.iter().map(|one| ([one.table.as_str()], one.anomalies as f64)));
        let none = |names: &[&'static str]| {
            // without a run nothing is known, not even that there is nothing
            let names = if quality.is_empty() { Vec::new() } else { names.to_vec() };
            names.into_iter().map(|name| ([name], 0.0))
        };
        let found = alerts.iter().map(|one| ([one.severity.as_str()], one.alerts as f64));
        replace(&self.alerts, none(&["critical", "warning"]).chain(found));
        let odd = odd_days.iter().map(|one| ([one.table.as_str(), one.measure.as_str(), one.severity.as_str()], 1.0));
        replace(&self.odd_days, odd);
        let status = |is_kept: bool| f64::from(u8::from(is_kept));
        replace(&self.contract, contracts.iter().map(|one| ([one.table.as_str()], status(one.is_kept))));
        replace(&self.violations, contracts.iter().map(|one| ([one.table.as_str()], one.violations as f64)));
        replace(&self.ctr, lists.iter().filter_map(|one| Some(([one.endpoint.as_str()], one.ctr?))));
        replace(&self.cvr, lists.iter().filter_map(|one| Some(([one.endpoint.as_str()], one.cvr?))));
        replace(&self.coverage, tracking.iter().map(|one| ([one.endpoint.as_str()], one.coverage)));
        replace(&self.covered_views, tracking.iter().map(|one| ([one.endpoint.as_str()], one.views as f64)));
        let days = reconciliation.iter().map(|one| ([one.status.as_str()], one.days as f64));
        replace(&self.reconciliation, none(&["ok", "warning", "critical", "no_orders"]).chain(days));
        self.take_up_experiments(experiments);
    }

    fn take_up_experiments(&self, experiments: &[ExperimentFigures]) {
        fn named(one: &ExperimentFigures) -> [&str; 2] {
            [&one.experiment, &one.variant]
        }
        replace(&self.experiment_rate, experiments.iter().filter_map(|one| Some((named(one), one.rate?))));
        replace(&self.experiment_visitors, experiments.iter().map(|one| (named(one), one.visitors as f64)));
        let said = experiments
            .iter()
            .filter_map(|one| Some(([one.experiment.as_str(), one.variant.as_str(), one.verdict?.name()], 1.0)));
        replace(&self.experiment_verdict, said);
        let off = |one: &ExperimentFigures| f64::from(u8::from(one.is_sample_ratio_off));
        replace(&self.experiment_ratio, experiments.iter().map(|one| ([one.experiment.as_str()], off(one))));
    }
}

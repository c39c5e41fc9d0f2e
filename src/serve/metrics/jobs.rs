//! Of the jobs of the schedule, as their state tells it. Their label is `name`: `job` is Prometheus' own, for whom it asks.

use anyhow::Result;
use chrono::{DateTime, Utc};
use prometheus::GaugeVec;

use super::operator::replace;
use super::register::Register;
use crate::warehouse::{JobState, ScheduleState};

pub struct JobMetrics {
    succeeded: GaugeVec,
    failing: GaugeVec,
    next: GaugeVec,
    looked: GaugeVec,
}

impl JobMetrics {
    pub fn new(register: &Register<'_>) -> Result<Self> {
        Ok(Self {
            succeeded: register.gauges(
                "nearset_job_last_success_timestamp_seconds",
                "When a job of the schedule last ended well, in seconds since 1970.",
                &["name"],
            )?,
            failing: register.gauges(
                "nearset_job_failing",
                "1 where a job of the schedule has failed and has not ended well since.",
                &["name"],
            )?,
            next: register.gauges(
                "nearset_job_next_slot_timestamp_seconds",
                "The next slot of a job of the schedule, in seconds since 1970.",
                &["name"],
            )?,
            looked: register.gauges(
                "nearset_scheduler_looked_timestamp_seconds",
                "When the scheduler last looked at what is due; none where it was told to stop.",
                &[],
            )?,
        })
    }

    /// Takes up how the jobs stand; where nobody ever scheduled, there are no series.
    pub fn take_up(&self, state: Option<&ScheduleState>) {
        let seconds = |at: DateTime<Utc>| at.timestamp_millis() as f64 / 1000.0;
        let all = || state.into_iter().flat_map(|state| &state.jobs);
        let each = |of: fn(&JobState) -> Option<DateTime<Utc>>| {
            all().filter_map(move |(name, job)| Some(([name.as_str()], seconds(of(job)?))))
        };
        replace(&self.succeeded, each(|job| job.succeeded));
        replace(&self.next, each(|job| job.next));
        let failing = |job: &JobState| f64::from(u8::from(job.failure.is_some()));
        replace(&self.failing, all().map(|(name, job)| ([name.as_str()], failing(job))));
        let looked = state.and_then(|state| state.scheduler.and(state.looked));
        replace(&self.looked, looked.map(|at| ([], seconds(at))));
    }
}

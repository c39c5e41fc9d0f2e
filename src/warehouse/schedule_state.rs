//! How the jobs of the schedule stand, in DATA_DIR/operations/schedule.json: written whole by whoever schedules before it
//! begins something and after it has ended, read by all who ask.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::common::files;
use crate::common::language::t;
use crate::config::Config;

/// How all jobs stand.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ScheduleState {
    /// The process that schedules; none where the last one was told to stop and did.
    #[serde(default)]
    pub scheduler: Option<u32>,
    /// When it last looked, to about a minute.
    #[serde(default)]
    pub looked: Option<DateTime<Utc>>,
    /// Each job by its name.
    #[serde(default)]
    pub jobs: BTreeMap<String, JobState>,
}

/// How a job stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobState {
    /// The rhythm that all this is said of; another one begins anew. Empty where the job is switched off.
    pub rhythm: String,
    /// Slots up to here are done, given up, passed over, or the one in work.
    pub through: DateTime<Utc>,
    /// The first slot after that.
    pub next: Option<DateTime<Utc>>,
    /// The slot in work.
    pub work: Option<Work>,
    /// The last end of a try.
    pub last: Option<JobEnd>,
    /// When it last ended well.
    pub succeeded: Option<DateTime<Utc>>,
    /// Why it has not ended well since.
    pub failure: Option<JobFailure>,
    /// How long it usually takes.
    pub usual_seconds: Option<f64>,
}

/// A slot in work: under way, or waiting to be tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The moment that it stands for.
    pub slot: DateTime<Utc>,
    /// When the scheduler saw that it was due.
    pub noticed: DateTime<Utc>,
    /// When it is tried next.
    pub due: DateTime<Utc>,
    /// How often it was begun.
    pub tries: u32,
    /// How many of these failed.
    pub failures: u32,
    /// How often it ended without a word, together with the scheduler.
    pub interruptions: u32,
    /// When the try under way began.
    pub began: Option<DateTime<Utc>>,
    /// What it waits for, where it was begun before.
    pub waits_for: Option<Wait>,
}

/// What a slot waits for that was begun before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// Another run holds the lock.
    Lock,
    /// The next try, after a failure.
    Retry,
    /// The scheduler, which was stopped.
    Scheduler,
}

/// How a try ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobEnd {
    /// The slot.
    pub slot: DateTime<Utc>,
    /// When it began.
    pub began: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// What became of it.
    pub outcome: JobOutcome,
    /// Why, where it did not end well.
    pub error: Option<String>,
}

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobOutcome {
    /// All is done.
    Done,
    /// Done, and the new model was held back.
    HeldBack,
    /// It failed.
    Failed,
    /// It took too long and was ended.
    TimedOut,
    /// It was ended because the scheduler was told to stop.
    Interrupted,
    /// Another run went on.
    Locked,
}

impl JobOutcome {
    /// Whether the job has done its work.
    pub fn is_good(self) -> bool {
        matches!(self, Self::Done | Self::HeldBack)
    }
}

/// Why a job has not ended well since it last did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JobFailure {
    /// When it failed first.
    pub since: DateTime<Utc>,
    /// The slot that failed last.
    pub slot: DateTime<Utc>,
    /// When that was.
    pub at: DateTime<Utc>,
    /// Why.
    pub error: String,
    /// Nobody will try that slot again.
    pub is_final: bool,
}

/// The name of a slot in file names.
pub fn slot_stamp(slot: DateTime<Utc>) -> String {
    slot.format("%Y%m%dT%H%M%SZ").to_string()
}

impl ScheduleState {
    /// Where it is.
    pub fn path(config: &Config) -> PathBuf {
        config.operations_dir().join("schedule.json")
    }

    /// The folder of a job's logs.
    pub fn job_dir(config: &Config, job: &str) -> PathBuf {
        config.operations_dir().join("jobs").join(job)
    }

    /// Where it is noted how a job ended that somebody ran by hand.
    pub fn by_hand_path(config: &Config, job: &str) -> PathBuf {
        Self::job_dir(config, job).join("by-hand.json")
    }

    /// As the scheduler left it; `None` where there was never one.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read_own(config: &Config) -> Result<Option<Self>> {
        read_json(&Self::path(config))
    }

    /// The same with what was run by hand since.
    ///
    /// # Errors
    /// It is there and cannot be read.
    pub fn read(config: &Config) -> Result<Option<Self>> {
        let Some(mut state) = Self::read_own(config)? else { return Ok(None) };
        for (name, job) in &mut state.jobs {
            if let Some(end) = read_json::<JobEnd>(&Self::by_hand_path(config, name))? {
                job.heed(end);
            }
        }
        Ok(Some(state))
    }
}

impl JobState {
    /// Takes in how a run by hand ended, unless the job has ended since.
    fn heed(&mut self, end: JobEnd) {
        if self.last.as_ref().is_some_and(|last| last.ended >= end.ended) {
            return;
        }
        if end.outcome.is_good() {
            self.succeeded = Some(end.ended);
            self.failure = None;
        }
        self.last = Some(end);
    }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    let Some(bytes) = files::read(path)? else { return Ok(None) };
    serde_json::from_slice(&bytes)
        .map(Some)
        .with_context(|| t!("{} cannot be understood; move it away", "{} 无法理解；请将其移走", path.display()))
}

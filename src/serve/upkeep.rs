//! What is done every second beside answering: what changed on disk is taken up, views are ranked, disks are looked at, what
//! killed runs left is removed.

use std::time::Duration;

use chrono::Utc;
use rustix::fs::statvfs;

use super::deployment::{DiskState, Written, written};
use super::metrics::Disk;
use super::state::{Shared, State};
use crate::evaluate::OperatorFigures;
use crate::exposures::files;
use crate::warehouse::{self, Outcome, RunSummary, ScheduleState, run_history_path};

const EVERY: Duration = Duration::from_secs(1);

/// How often recent views are ranked anew and disks looked at, in seconds.
const RANK_EVERY: u32 = 10;

/// The server's upkeep, from before anything was read.
pub struct Upkeep {
    state: Shared,
    seen: DiskState,
    /// The files that metrics of the pipeline are taken from.
    figures: Written,
    history: Written,
    jobs: Written,
    exclusions: Written,
    /// The last run has not said that it ended.
    is_running: bool,
}

impl Upkeep {
    /// Looks at the disk; what changes from now on is taken up.
    pub fn begin(state: Shared) -> Self {
        let seen = state.deployments.disk_state();
        look_at_disks(&state);
        let exclusions = written(&state.config.exclude_path());
        let mut upkeep = Self { state, seen, figures: None, history: None, jobs: None, exclusions, is_running: false };
        upkeep.take_up_figures();
        upkeep.take_up_history();
        upkeep.take_up_jobs();
        upkeep
    }

    /// Takes the figures of the last run into the metrics, where a run has published others.
    fn take_up_figures(&mut self) {
        let dir = self.state.config.metadata_dir();
        let now = written(&OperatorFigures::path(&dir));
        if now != self.figures {
            self.figures = now;
            match OperatorFigures::read(&dir) {
                Ok(figures) => self.state.metrics.published(&figures),
                // until a run publishes another file
                Err(error) => tracing::warn!("figures of the last run stay as they were: {error:#}"),
            }
        }
    }

    /// Takes the history of runs into the metrics, where it has grown, and while a run goes on, which may be killed.
    fn take_up_history(&mut self) {
        let now = written(&run_history_path(&self.state.config));
        if now != self.history || self.is_running {
            self.history = now;
            match RunSummary::read(&self.state.config) {
                Ok(runs) => {
                    self.is_running = runs.as_ref().is_some_and(|runs| runs.outcome == Outcome::Running);
                    self.state.metrics.runs(runs.as_ref());
                }
                Err(error) => tracing::warn!("the history of runs stays as it was: {error:#}"),
            }
        }
    }

    /// Takes how the jobs of the schedule stand into the metrics, where that has changed.
    fn take_up_jobs(&mut self) {
        let now = written(&ScheduleState::path(&self.state.config));
        if now != self.jobs {
            self.jobs = now;
            match ScheduleState::read(&self.state.config) {
                Ok(state) => self.state.metrics.jobs(state.as_ref()),
                Err(error) => tracing::warn!("the schedule's figures stay as they were: {error:#}"),
            }
        }
    }

    /// Takes up who counts in no figure, where the file has changed.
    fn take_up_exclusions(&mut self) {
        let state = &self.state;
        let now = written(&state.config.exclude_path());
        if now != self.exclusions {
            self.exclusions = now;
            if let Err(error) = state.exclusions.read(&state.config, &state.visitors) {
                tracing::error!("exclusions stay as they were: {error:#}");
                state.metrics.error("exclusions", "watch");
            }
        }
    }

    /// Goes on until the server stops.
    pub async fn run(mut self) {
        for round in 1_u32.. {
            tokio::time::sleep(EVERY).await;
            self.take_up_figures();
            self.take_up_history();
            self.take_up_jobs();
            self.take_up_exclusions();
            let deployments = &self.state.deployments;
            let now = deployments.disk_state();
            let is_ranked = round.is_multiple_of(RANK_EVERY);
            let is_changed = now != self.seen || deployments.has_refused_changed();
            if !is_changed && !is_ranked {
                continue;
            }
            let before = std::mem::replace(&mut self.seen, now.clone());
            let state = self.state.clone();
            let done = tokio::task::spawn_blocking(move || {
                if is_ranked {
                    state.views.rank(Utc::now());
                    // a run that was killed leaves a file as large as the warehouse, where lists have to be logged
                    warehouse::remove_left_work(&state.config);
                    look_at_disks(&state);
                }
                if is_changed {
                    state.deployments.take_up(&before, &now);
                }
            });
            if let Err(error) = done.await {
                tracing::error!("taking up what changed: {error}");
            }
        }
    }
}

/// Takes into the metrics how full the disks are that the server writes to and reads from, and how much of that is the
/// exposure log; of a folder that is not there nothing is said.
fn look_at_disks(state: &State) {
    let folders = [("DATA_DIR", &state.config.data_dir), ("MODELS_DIR", &state.config.models_dir)];
    let disks = folders.into_iter().filter_map(|(folder, path)| {
        let disk = statvfs(path).ok()?;
        Some(Disk { folder, free_bytes: disk.f_bavail * disk.f_frsize, size_bytes: disk.f_blocks * disk.f_frsize })
    });
    let log = files::all(&state.config.evaluation_dir()).unwrap_or_default();
    let log_bytes = log.iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
    state.metrics.disks(&disks.collect::<Vec<_>>(), log_bytes);
}

//! What is done every second beside answering: what changed on disk is taken up, views are ranked, what killed runs left is
//! removed.

use std::time::Duration;

use chrono::Utc;

use super::deployment::{DiskState, Written, written};
use super::state::Shared;
use crate::extract::data_quality;
use crate::warehouse;

const EVERY: Duration = Duration::from_secs(1);

/// How often recent views are ranked anew, in seconds.
const RANK_EVERY: u32 = 10;

/// The server's upkeep, from before anything was read.
pub struct Upkeep {
    state: Shared,
    seen: DiskState,
    /// The file of data quality that the metrics are taken from.
    quality: Written,
}

impl Upkeep {
    /// Looks at the disk; what changes from now on is taken up.
    pub fn begin(state: Shared) -> Self {
        let seen = state.deployments.disk_state();
        let mut upkeep = Self { state, seen, quality: None };
        upkeep.take_up_quality();
        upkeep
    }

    /// Takes the figures of the last run's input into the metrics, where a run has published others.
    fn take_up_quality(&mut self) {
        let dir = self.state.config.metadata_dir();
        let now = written(&data_quality::path(&dir));
        if now != self.quality {
            self.quality = now;
            match data_quality::read(&dir) {
                Ok(tables) => self.state.metrics.data_quality(&tables),
                // until a run publishes another file
                Err(error) => tracing::warn!("data quality stays as it was: {error:#}"),
            }
        }
    }

    /// Goes on until the server stops.
    pub async fn run(mut self) {
        for round in 1_u32.. {
            tokio::time::sleep(EVERY).await;
            self.take_up_quality();
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

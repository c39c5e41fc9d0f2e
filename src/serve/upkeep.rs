//! What is done every second beside answering: what changed on disk is taken up, views are ranked, what killed runs left is
//! removed.

use std::sync::Arc;
use std::time::Duration;

use chrono::Utc;

use super::deployment::DiskState;
use super::state::Shared;
use crate::warehouse;

const EVERY: Duration = Duration::from_secs(1);

/// How often recent views are ranked anew, in seconds.
const RANK_EVERY: u32 = 10;

/// The server's upkeep, from before anything was read.
pub struct Upkeep {
    state: Shared,
    seen: DiskState,
}

impl Upkeep {
    /// Looks at the disk; what changes from now on is taken up.
    pub fn begin(state: Shared) -> Self {
        let seen = state.deployments.disk_state();
        Self { state, seen }
    }

    /// Goes on until the server stops.
    pub async fn run(mut self) {
        for round in 1_u32.. {
            tokio::time::sleep(EVERY).await;
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

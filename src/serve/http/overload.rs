//! Overload is noticed by how late the server is: a request that is ready waits as long as everything else that is, and a
//! task that asks for nothing but to be woken measures it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

const EVERY: Duration = Duration::from_millis(5);

/// What tokio's timers are late by in any case.
const TIMER: Duration = Duration::from_millis(2);

/// How late requests are taken up.
#[derive(Debug, Default)]
pub struct Lag(AtomicU32);

impl Lag {
    /// How late, as last measured.
    pub fn get(&self) -> Duration {
        Duration::from_micros(u64::from(self.0.load(Ordering::Relaxed)))
    }

    /// Whether it is above a limit, where there is one.
    pub fn is_above(&self, limit: Duration) -> bool {
        !limit.is_zero() && self.get() > limit
    }

    /// Measures until the server stops.
    pub async fn measure(&self) {
        loop {
            let due = Instant::now() + EVERY;
            sleep_until(due).await;
            let late = due.elapsed().saturating_sub(TIMER).as_micros() as u32;
            // one calm moment does not end a storm
            let before = self.0.load(Ordering::Relaxed);
            self.0.store(late.max(before / 2), Ordering::Relaxed);
        }
    }
}

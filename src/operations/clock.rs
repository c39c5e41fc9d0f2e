//! Time as operations see it: a clock that tests can move, and waiting that ends when the process is told to stop.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};

/// How long is slept at a time: a machine that slept, or whose clock was set, is noticed after it.
const GLANCE: Duration = Duration::from_millis(500);

/// Says what time it is, and waits.
pub trait Clock: Send + Sync {
    /// The moment that it is.
    fn now(&self) -> DateTime<Utc>;

    /// Waits until a moment has come; ends early, and says so with true, where the process is told to stop.
    fn wait(&self, until: DateTime<Utc>, stop: &Stop) -> bool;
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn wait(&self, until: DateTime<Utc>, stop: &Stop) -> bool {
        while let Ok(left) = (until - self.now()).to_std() {
            if stop.within(left.min(GLANCE)) {
                return true;
            }
        }
        stop.is_told()
    }
}

/// Tells threads to stop.
#[derive(Debug, Default)]
pub struct Stop {
    told: Mutex<bool>,
    changed: Condvar,
}

impl Stop {
    /// Tells whoever waits, and whoever asks from now on.
    pub fn tell(&self) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    /// Whether it was told.
    pub fn is_told(&self) -> bool {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits so long at most; whether it was told.
    pub fn within(&self, time: Duration) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(told, time, |told| !*told);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// A clock that stands still until it is moved; whoever waits moves it.
#[cfg(test)]
#[derive(Debug)]
pub struct MovedClock(Mutex<DateTime<Utc>>);

#[cfg(test)]
impl MovedClock {
    /// One that stands at a moment.
    pub fn at(moment: DateTime<Utc>) -> Self {
        Self(Mutex::new(moment))
    }

    /// Moves it.
    pub fn to(&self, moment: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = moment;
    }
}

#[cfg(test)]
impl Clock for MovedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self, until: DateTime<Utc>, _stop: &Stop) -> bool {
        self.to(until);
        false
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn waiting_ends_at_its_moment_or_when_told_to_stop() {
        let stop = Stop::default();
        assert!(!SystemClock.wait(Utc::now() + TimeDelta::milliseconds(20), &stop), "its moment has come");
        let began = Instant::now();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| SystemClock.wait(Utc::now() + TimeDelta::hours(1), &stop));
            stop.tell();
            assert!(waiting.join().is_ok_and(|told| told));
        });
        assert!(began.elapsed() < Duration::from_secs(600) && SystemClock.wait(Utc::now(), &stop));
    }
}

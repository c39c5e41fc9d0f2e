//! How often something happened in the last ten minutes, counted without a lock: a ring of slices of ten seconds.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// As many slices as ten minutes hold.
const SLICES: usize = 60;

const SECONDS: u64 = 10;

/// The upper half of a slot is the number of its slice, the lower half the count.
const COUNT_BITS: u32 = 32;

/// How often something happened in the last ten minutes.
pub struct Recent([AtomicU64; SLICES]);

/// The number of the slice that a moment after the start lies in.
fn slice(at: Duration) -> u64 {
    at.as_secs() / SECONDS
}

impl Default for Recent {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Recent {
    /// It happened, so long after the start.
    pub fn add(&self, at: Duration) {
        let slice = slice(at);
        let counted = |packed: u64| {
            let is_of_this = packed >> COUNT_BITS == slice;
            // what was counted a whole turn ago is forgotten
            Some(if is_of_this { packed + 1 } else { (slice << COUNT_BITS) + 1 })
        };
        // there is always a next value, so nothing fails
        self.0[slice as usize % SLICES].fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted).ok();
    }

    /// How often in the ten minutes before.
    pub fn count(&self, at: Duration) -> u64 {
        let now = slice(at);
        let counts = self.0.iter().map(|slot| slot.load(Ordering::Relaxed));
        let recent = counts.filter(|packed| (packed >> COUNT_BITS) + SLICES as u64 > now);
        recent.map(|packed| packed & ((1 << COUNT_BITS) - 1)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ten_minutes_ago_is_forgotten() {
        let recent = Recent::default();
        let at = Duration::from_secs;
        for second in [0, 3, 9, 305] {
            recent.add(at(second));
        }
        assert_eq!([9, 599, 600, 899, 900, 5000].map(|second| recent.count(at(second))), [4, 4, 1, 1, 0, 0]);
        recent.add(at(600));
        assert_eq!(recent.count(at(600)), 2, "its slot was one of the first ten seconds");
    }

    #[test]
    fn threads_lose_nothing() {
        let recent = Recent::default();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..1000).for_each(|second| recent.add(Duration::from_secs(second % 600))));
            }
        });
        assert_eq!(recent.count(Duration::from_secs(599)), 8000);
    }
}

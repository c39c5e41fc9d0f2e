//! What is tried again because it may pass by itself: the one place that says how often, and how long between.
//!
//! A server that is away, a network share that hiccups. Everything else fails at once: a full disk, a wrong password or a
//! file that makes no sense does not get better by asking again.

use std::thread;
use std::time::Duration;

use crate::common::language::t;
use crate::common::progress::Progress;

/// What the system says of a file that another machine holds, or a disk that stumbles, when it may be there again in a moment.
const PASSING: [&str; 6] = [
    "Input/output error",
    "Stale file handle",
    "Connection timed out",
    "Host is down",
    "Remote I/O error",
    "Transport endpoint is not connected",
];

/// Whether a fault in reading a file may pass by itself.
pub fn may_pass(fault: &str) -> bool {
    PASSING.iter().any(|words| fault.contains(words))
}

/// How often something is still tried again.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    tried: u32,
    most: u32,
    pause: Duration,
    longest: Duration,
}

impl Patience {
    /// With a server: so often, after 1, 2, 4, 8 … seconds, 30 at most.
    pub fn with_server(most: u32) -> Self {
        Self { tried: 0, most, pause: Duration::from_secs(1), longest: Duration::from_secs(30) }
    }

    /// With a file: three times within four seconds.
    pub fn with_file() -> Self {
        Self { tried: 0, most: 3, pause: Duration::from_millis(500), longest: Duration::from_secs(2) }
    }

    /// No more than so often in all.
    pub fn at_most(&mut self, most: u32) {
        self.most = self.most.min(most);
    }

    /// Says that it is tried again and waits until then; false where patience is at its end.
    pub fn wait(&mut self, progress: &Progress<'_>, fault: &str) -> bool {
        if self.tried >= self.most {
            return false;
        }
        self.tried += 1;
        let (tried, most, seconds) = (self.tried, self.most, self.pause.as_secs_f64());
        progress.note(&t!(
            "{fault}; again in {seconds} s (try {tried} of {most})",
            "{fault}；{seconds} 秒后重试（第 {tried} 次，共 {most} 次）"
        ));
        thread::sleep(self.pause);
        self.pause = (self.pause * 2).min(self.longest);
        true
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn what_may_pass_is_tried_so_often_and_what_will_not_is_not() {
        assert!(may_pass("/mnt/a.json cannot be read: Stale file handle (os error 116)"));
        assert!(!may_pass("No space left on device (os error 28)") && !may_pass("Permission denied"));
        let said = RefCell::new(Vec::new());
        let progress = Progress { at: &|_| {}, note: &|text| said.borrow_mut().push(text.to_owned()) };
        let mut patience = Patience { tried: 0, most: 3, pause: Duration::ZERO, longest: Duration::ZERO };
        patience.at_most(2);
        assert_eq!([1, 2, 3].map(|_| patience.wait(&progress, "away")), [true, true, false]);
        assert_eq!(*said.borrow(), ["away; again in 0 s (try 1 of 2)", "away; again in 0 s (try 2 of 2)"]);
    }
}

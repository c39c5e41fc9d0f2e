//! What happens in a run, as its observers hear it.

use super::step::{Options, Step};
use crate::common::progress::Progress;
use crate::warehouse::Outcome;

/// What happens in a run, in this order; notes may come at any time.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// It has the lock and begins.
    Started(&'a Options),
    /// It is another try of a run that failed.
    Retries {
        /// That run.
        run: &'a str,
        /// The steps that it had done and that are not done again.
        done: &'a [Step],
    },
    /// A step begins.
    StepStarted(Step),
    /// What the step is at right now.
    At(&'a str),
    /// What a person should know afterwards too.
    Note(&'a str),
    /// A step has ended: how long it took, and the rows it took in or made.
    StepFinished {
        /// The step.
        step: Step,
        /// Its wall-clock time.
        seconds: f64,
        /// 0 where it failed.
        rows: u64,
        /// Why it failed.
        error: Option<&'a str>,
    },
    /// All steps have ended well; views, checks and copies follow.
    PublishStarted,
    /// The warehouse is published, and with it the version that is current now, where there is a new one.
    Published {
        /// The new current version.
        version: Option<&'a str>,
    },
    /// All that follows publishing is done; the rows are those of views.
    PublishFinished {
        /// From the end of the last step on.
        seconds: f64,
        /// Those of checks and views.
        rows: u64,
    },
    /// The run has ended: how long it took, and the most memory it held.
    Ended {
        /// From the lock on.
        seconds: f64,
        /// Of the machine's memory.
        peak_bytes: u64,
        /// Why it failed.
        error: Option<&'a str>,
        /// What became of it.
        outcome: Outcome,
    },
}

/// Somebody who is told what happens in a run, and cannot change it.
pub trait Observer {
    /// Hears of one event of the run of that id.
    fn hear(&self, run: &str, event: Event<'_>);
}

/// The observers of one run.
#[derive(Clone, Copy)]
pub struct Observers<'a> {
    /// The run's id.
    pub run: &'a str,
    /// In the order in which they are told.
    pub all: &'a [&'a dyn Observer],
}

impl Observers<'_> {
    /// Tells all of them.
    pub fn tell(&self, event: Event<'_>) {
        for observer in self.all {
            observer.hear(self.run, event);
        }
    }

    /// Tells them what a step is at.
    pub fn at(&self, what: &str) {
        self.tell(Event::At(what));
    }

    /// Tells them what is worth knowing.
    pub fn note(&self, text: &str) {
        self.tell(Event::Note(text));
    }

    /// Does work that reports progress.
    pub fn with_progress<T>(&self, work: impl FnOnce(&Progress<'_>) -> T) -> T {
        work(&Progress { at: &|what| self.at(what), note: &|text| self.note(text) })
    }
}

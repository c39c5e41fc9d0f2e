//! The observer that has the lines of the log say which run and step they are of.

use crate::common::about;
use crate::pipeline::{Event, Observer};

/// Names the run in the log.
#[derive(Clone, Copy, Debug)]
pub struct Naming;

impl Observer for Naming {
    fn hear(&self, run: &str, event: Event<'_>) {
        let named = |step| Some(about::Run { id: run.to_owned(), step });
        match event {
            Event::Started(_) | Event::StepFinished { .. } => about::run_is(named(None)),
            Event::StepStarted(step) => about::run_is(named(Some(step.name()))),
            Event::PublishStarted => about::run_is(named(Some("publish"))),
            Event::Ended { .. } => about::run_is(None),
            _ => {}
        }
    }
}

//! What the program logs while a run goes on, taken into the run's log.

use std::fmt::{Debug, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::{Kind, Line};
use super::writer::add_logged;

/// The layer that does so; outside of runs it does nothing.
#[derive(Clone, Copy, Debug)]
pub struct RunLines;

/// An event's message, and behind it its fields.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
        written.ok();
    }
}

impl<S: Subscriber> Layer<S> for RunLines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let level = event.metadata().level().as_str().to_lowercase();
        add_logged(Line { level, ..Line::now(Kind::Log, &format!("{}{}", text.message, text.fields)) });
    }
}

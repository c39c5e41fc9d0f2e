//! How a line of the log is written: for people, or as a JSON object.

use std::fmt::{self, Debug};

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{Format, FormatEvent, FormatFields, Full, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::about;

/// A line for people, with the id of the request at its end.
pub struct TextLine(pub Format<Full>);

impl<S, N> FormatEvent<S, N> for TextLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let Some(id) = about::request_id() else { return self.0.format_event(context, to, event) };
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        writeln!(to, "{} request_id={id}", line.trim_end_matches('\n'))
    }
}

/// A line as a flat JSON object: `timestamp`, `level`, `message`, the event's fields, and what it is about.
pub struct JsonLine;

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut line = Fields(Map::new());
        let mut set = |name: &str, value: String| drop(line.0.insert(name.to_owned(), value.into()));
        set("timestamp", Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true));
        set("level", event.metadata().level().as_str().to_lowercase());
        set("message", String::new());
        if let Some(id) = about::request_id() {
            set("request_id", id);
        }
        if let Some(id) = about::trace_id() {
            set("trace_id", id);
        }
        if let Some(about::Run { id, step }) = about::run() {
            set("run", id);
            if let Some(step) = step {
                set("step", step.to_owned());
            }
        }
        event.record(&mut line);
        writeln!(to, "{}", Value::Object(line.0))
    }
}

/// The fields of an event as JSON has them.
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.set(field, format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex, PoisonError};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_flat_object() -> anyhow::Result<()> {
        let written = Written::default();
        let to = written.clone();
        let subscriber = tracing_subscriber::fmt().event_format(JsonLine).with_writer(move || to.clone()).finish();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let _logged = tracing::subscriber::set_default(subscriber);
        runtime.block_on(about::answering("req_1".to_owned(), Some("4bf9".to_owned()), async {
            tracing::warn!(status = 503_u16, route = "/similar/{dataset_id}", cached = false, "two\nlines \"quoted\"");
        }));
        let bytes = written.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8(bytes)?;
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let mut line: Map<String, Value> = serde_json::from_str(&text)?;
        let at = line.remove("timestamp").unwrap_or_default();
        assert!(at.as_str().is_some_and(|at| chrono::DateTime::parse_from_rfc3339(at).is_ok() && at.ends_with('Z')));
        let expected = r#"{"level":"warn","message":"two\nlines \"quoted\"","request_id":"req_1","trace_id":"4bf9","status":503,"route":"/similar/{dataset_id}","cached":false}"#;
        assert_eq!(Value::Object(line), serde_json::from_str::<Value>(expected)?);
        Ok(())
    }
}

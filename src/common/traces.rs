//! Spans of requests, for whoever follows them through several programs. Nothing is made until a tracer is there.

use std::sync::OnceLock;

use axum::http::{HeaderMap, Method, StatusCode};
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{Span, SpanBuilder, SpanKind, Status, Tracer};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, Span as SdkSpan};

use super::about;

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// Has requests be traced from now on; a second tracer is not taken.
pub fn install(tracer: SdkTracer) {
    TRACER.set(tracer).ok();
}

/// The span of a request that is traced.
pub struct RequestSpan(SdkSpan);

impl RequestSpan {
    /// Begins it, in the trace that the caller's `traceparent` names; `None` where this request is not traced.
    pub fn begin(headers: &HeaderMap) -> Option<Self> {
        let tracer = TRACER.get()?;
        let parent = TraceContextPropagator::new().extract_with_context(&Context::new(), &HeaderExtractor(headers));
        let span = tracer.build_with_context(SpanBuilder::from_name("request").with_kind(SpanKind::Server), &parent);
        span.is_recording().then_some(Self(span))
    }

    /// The id of its trace.
    pub fn trace_id(&self) -> String {
        self.0.span_context().trace_id().to_string()
    }

    /// Ends it with what is known now, by OpenTelemetry's names.
    pub fn end(mut self, method: &Method, route: &'static str, path: &str, status: StatusCode) {
        self.0.update_name(format!("{method} {route}"));
        let code = i64::from(status.as_u16());
        self.0.set_attributes([
            KeyValue::new("http.request.method", method.to_string()),
            KeyValue::new("http.route", route),
            KeyValue::new("url.path", path.to_owned()),
            KeyValue::new("http.response.status_code", code),
            KeyValue::new("nearset.request_id", about::request_id().unwrap_or_default()),
        ]);
        for (part, time) in about::parts().into_iter().filter(|(_, time)| !time.is_zero()) {
            let name = format!("nearset.{}_ms", part.name());
            self.0.set_attribute(KeyValue::new(name, time.as_secs_f64() * 1000.0));
        }
        if status.is_server_error() {
            self.0.set_status(Status::error(status.to_string()));
        }
        self.0.end();
    }
}

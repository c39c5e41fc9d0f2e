//! Traces by OpenTelemetry: spans of requests and of the steps of runs go to the collector that a setting names, in batches
//! and on a thread of their own. A collector that is down costs no request, and is named once.

use std::env;
use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, anyhow};
use axum::body::Bytes;
use axum::http::{Request, Response};
use opentelemetry::trace::{Span, SpanBuilder, SpanContext, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler as SdkSampler, SdkTracer, SdkTracerProvider, Span as SdkSpan};

use super::outgoing::Outgoing;
use crate::common::language::t;
use crate::common::{secrets, traces};
use crate::config::{Config, Logs, Sampler};
use crate::pipeline::{Event, Observer};

/// How long the last spans are waited for when a process ends.
const PATIENCE: Duration = Duration::from_secs(3);

/// What makes spans and sends them, until it is dropped.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Has the requests of this process be traced, where the settings ask for it.
    ///
    /// # Errors
    /// The proxy or the collector's address cannot be used.
    pub fn of_requests(config: &Config) -> Result<Option<Self>> {
        let traces = Self::begin(config, sampler(&config.operations.logs))?;
        if let Some(traces) = &traces {
            traces::install(traces.tracer());
        }
        Ok(traces)
    }

    fn begin(config: &Config, sampler: SdkSampler) -> Result<Option<Self>> {
        let logs = &config.operations.logs;
        let Some(endpoint) = &logs.otlp_endpoint else { return Ok(None) };
        // the exporter reads these itself; some are keys
        for header in env::var("OTEL_EXPORTER_OTLP_HEADERS").unwrap_or_default().split(',') {
            header.split_once('=').into_iter().for_each(|(_, value)| secrets::register(value.trim()));
        }
        let mut hasty = config.clone();
        hasty.outgoing.timeout = hasty.outgoing.timeout.min(PATIENCE);
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector { out: Outgoing::of(&hasty)?, is_down: AtomicBool::new(false) })
            .with_endpoint(format!("{}/v1/traces", endpoint.as_str().trim_end_matches('/')))
            .with_timeout(hasty.outgoing.timeout)
            .build()
            .context("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        let resource = Resource::builder()
            .with_service_name(logs.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler)
            .with_resource(resource)
            .build();
        Ok(Some(Self { provider }))
    }

    fn tracer(&self) -> SdkTracer {
        self.provider.tracer("nearset")
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // who does not answer has been named
        self.provider.shutdown_with_timeout(PATIENCE).ok();
    }
}

fn sampler(logs: &Logs) -> SdkSampler {
    let of_parent = |root| SdkSampler::ParentBased(Box::new(root));
    let ratio = SdkSampler::TraceIdRatioBased(logs.sampled);
    match logs.sampler {
        Sampler::AlwaysOn => SdkSampler::AlwaysOn,
        Sampler::AlwaysOff => SdkSampler::AlwaysOff,
        Sampler::Ratio => ratio,
        Sampler::ParentAlwaysOn => of_parent(SdkSampler::AlwaysOn),
        Sampler::ParentAlwaysOff => of_parent(SdkSampler::AlwaysOff),
        Sampler::ParentRatio => of_parent(ratio),
    }
}

/// The collector, through the one way out.
struct Collector {
    out: Outgoing,
    is_down: AtomicBool,
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collector")
    }
}

impl Collector {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>> {
        let answer = self.out.send(request.map(Bytes::into))?;
        if !answer.is_success() {
            return Err(anyhow!(t!("the collector of traces answers {}", "追踪收集器应答 {}", answer.status)));
        }
        Ok(Response::builder().status(answer.status).body(answer.body.into())?)
    }
}

impl HttpClient for Collector {
    /// It is called on the thread of the batches, which may wait.
    fn send_bytes<'a, 'b>(
        &'a self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        let sent = self.send(request);
        match (&sent, self.is_down.swap(sent.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => tracing::warn!("traces are lost until their collector answers: {error:#}"),
            (Ok(_), true) => tracing::info!("the collector of traces answers again"),
            _ => {}
        }
        let done: Ready<Result<Response<Bytes>, HttpError>> = ready(sent.map_err(Into::into));
        Box::pin(done)
    }
}

/// The observer that makes a span of a run and of each of its steps. Runs are few: all are traced, unless none should be.
pub struct RunTraces {
    traces: Traces,
    run: Mutex<Option<SdkSpan>>,
}

impl RunTraces {
    /// For runs of these settings; `None` where none are traced.
    ///
    /// # Errors
    /// The proxy or the collector's address cannot be used.
    pub fn of(config: &Config) -> Result<Option<Self>> {
        if config.operations.logs.sampler == Sampler::AlwaysOff {
            return Ok(None);
        }
        let traces = Traces::begin(config, SdkSampler::AlwaysOn)?;
        Ok(traces.map(|traces| Self { traces, run: Mutex::default() }))
    }

    /// A span of a step that has just ended.
    fn step(&self, run: &SpanContext, name: &'static str, seconds: f64, rows: u64, error: Option<&str>) {
        let (parent, now) = (Context::new().with_remote_span_context(run.clone()), SystemTime::now());
        let began = now - Duration::try_from_secs_f64(seconds).unwrap_or_default();
        let builder = SpanBuilder::from_name(name).with_start_time(began);
        let mut span = self.traces.tracer().build_with_context(builder, &parent);
        span.set_attribute(KeyValue::new("nearset.rows", rows as i64));
        if let Some(error) = error {
            span.set_status(Status::error(error.to_owned()));
        }
        span.end_with_timestamp(now);
    }
}

impl Observer for RunTraces {
    fn hear(&self, run: &str, event: Event<'_>) {
        let mut span = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        let context = span.as_ref().map(|span| span.span_context().clone());
        match (event, context) {
            (Event::Started(_), _) => {
                let mut begun = self.traces.tracer().build_with_context(SpanBuilder::from_name("run"), &Context::new());
                begun.set_attribute(KeyValue::new("nearset.run", run.to_owned()));
                *span = Some(begun);
            }
            (Event::StepFinished { step, seconds, rows, error }, Some(context)) => {
                self.step(&context, step.name(), seconds, rows, error);
            }
            (Event::PublishFinished { seconds, rows }, Some(context)) => {
                self.step(&context, "publish", seconds, rows, None);
            }
            (Event::Ended { error, outcome, .. }, _) => {
                let Some(mut ended) = span.take() else { return };
                ended.set_attribute(KeyValue::new("nearset.outcome", outcome.name()));
                if let Some(error) = error {
                    ended.set_status(Status::error(error.to_owned()));
                }
                ended.end();
            }
            _ => {}
        }
    }
}

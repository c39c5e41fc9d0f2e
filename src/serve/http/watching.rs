//! What is told of requests beside their answers: those that are slow or fail, in the log; all, where it is asked for; a span
//! each, where they are traced.

use std::time::{Duration, Instant};

use axum::http::{Method, Request, StatusCode, Uri};

use crate::common::{about, traces};
use crate::config::Logs;
use crate::serve::routes::route_of;

/// What is logged of requests.
#[derive(Clone, Copy, Debug)]
pub struct Watching {
    /// From when on a request is slow.
    slow: Option<Duration>,
    /// Whether all are logged.
    all: bool,
}

/// A request while it is answered.
pub struct Watched {
    began: Instant,
    method: Method,
    uri: Uri,
    span: Option<traces::RequestSpan>,
}

impl Watched {
    /// How long it has taken so far.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// The id of its trace, where it is traced.
    pub fn trace_id(&self) -> Option<String> {
        self.span.as_ref().map(traces::RequestSpan::trace_id)
    }
}

impl Watching {
    /// What the settings ask for.
    pub fn of(logs: &Logs) -> Self {
        Self { slow: Some(logs.slow_request).filter(|slow| !slow.is_zero()), all: logs.requests }
    }

    /// Begins with a request.
    pub fn begin<B>(self, request: &Request<B>) -> Watched {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        Watched { began: Instant::now(), method, uri, span: traces::RequestSpan::begin(request.headers()) }
    }

    /// Ends with one that is answered: the answer's bytes may still be on their way.
    pub fn end(self, watched: Watched, status: StatusCode) {
        let Watched { began, method, uri, span } = watched;
        let time = began.elapsed();
        let is_slow = self.slow.is_some_and(|slow| time >= slow);
        let (path, route, ms) = (uri.path(), || route_of(uri.path()), time.as_secs_f64() * 1000.0);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            tracing::error!("{path} was answered with {status}");
        }
        if is_slow {
            let [turn, list, exposure_log] = about::parts().map(|(_, time)| time.as_millis() as u64);
            tracing::warn!(
                %method,
                route = route(),
                path,
                status = status.as_u16(),
                ms = ms.round(),
                turn_ms = turn,
                list_ms = list,
                exposure_log_ms = exposure_log,
                "slow request"
            );
        } else if self.all {
            tracing::info!(%method, route = route(), path, status = status.as_u16(), ms = (ms * 100.0).round() / 100.0, "request");
        }
        if let Some(span) = span {
            span.end(&method, route(), path, status);
        }
    }
}

//! The gateway: takes webhooks of Alertmanager and of Sentry, on the paths of the old one. What it has answered with success
//! is on disk.

use std::future::IntoFuture;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Path, State as Of};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::Utc;
use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::alertmanager::Group;
use super::metrics::METRICS;
use super::notice::{Notice, Source, State, Words, episode};
use super::routing::Routing;
use super::telling::tell;
use super::{overview, sentry};
use crate::common::errors::describe;
use crate::common::language::{either, t};
use crate::common::secrets::scrub;
use crate::config::Config;
use crate::operations::{Clock, Duty, Severity, Stop};

/// The most bytes of a body: a thousand alerts are a megabyte.
const BODY: usize = 4 << 20;

/// How often is looked whether to stop.
const GLANCE: Duration = Duration::from_millis(200);

/// How long requests that are under way then may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Takes webhooks on NOTIFY_LISTEN, where that is set.
pub fn duty() -> Duty {
    Duty { name: "gateway", attend }
}

fn attend(config: &Config, _clock: &dyn Clock, stop: &Stop) -> Result<()> {
    match config.operations.notify.listen {
        Some(address) => serve(config, listener(address)?, stop),
        None => Ok(()),
    }
}

/// Listens at an address.
///
/// # Errors
/// It is taken, or none of this machine.
pub fn listener(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).with_context(|| {
        t!("the gateway cannot listen on {address} (NOTIFY_LISTEN)", "网关无法监听 {address}（NOTIFY_LISTEN）")
    })
}

/// What every request needs.
struct Gateway {
    config: Config,
    /// What `notify.toml` said when it could be understood last.
    in_force: Mutex<Option<Routing>>,
}

impl Gateway {
    /// What `notify.toml` says; while it cannot be understood, what it said before.
    fn routing(&self) -> Result<Routing> {
        let mut in_force = self.in_force.lock().unwrap_or_else(PoisonError::into_inner);
        match (Routing::of(&self.config), &*in_force) {
            (Ok(routing), _) => Ok(in_force.insert(routing).clone()),
            (Err(_), Some(before)) => Ok(before.clone()),
            (Err(error), None) => Err(error),
        }
    }
}

/// Takes webhooks until it is told to stop.
///
/// # Errors
/// The threads cannot be started.
pub fn serve(config: &Config, listener: TcpListener, stop: &Stop) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context(either("the gateway's threads could not be started", "网关的线程未能启动"))?;
    let gateway = Arc::new(Gateway { config: config.clone(), in_force: Mutex::default() });
    // what is broken from the start is said by each answer
    drop(gateway.routing());
    let router = Router::new()
        .route("/webhook/sentry", post(of_sentry))
        .route("/webhook/{receiver}", post(of_alertmanager))
        .route("/test", get(test).post(test))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .fallback(|| async { refused(StatusCode::NOT_FOUND, "there is nothing here; see docs/notifications.md") })
        .layer(DefaultBodyLimit::max(BODY))
        .with_state(gateway);
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tracing::info!("notifications are taken at http://{address}");
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let served = axum::serve(listener, router).with_graceful_shutdown(async { drop(told.await) });
        let stopped = async {
            while !stop.is_told() {
                tokio::time::sleep(GLANCE).await;
            }
            tell.send(()).ok();
            tokio::time::sleep(PATIENCE).await;
        };
        tokio::select! {
            served = served.into_future() => served,
            () = stopped => Ok(()),
        }
    })?;
    Ok(())
}

/// The old gateway's answer.
fn success() -> Response {
    Json(json!({ "status": "success" })).into_response()
}

fn refused(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "status": "error", "message": scrub(why) }))).into_response()
}

async fn of_alertmanager(
    Of(gateway): Of<Arc<Gateway>>,
    Path(receiver): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    take(gateway, headers, body, move |body| {
        let group: Group = serde_json::from_slice(body)
            .map_err(|error| format!("this is no webhook of Alertmanager (version 4): {error}"))?;
        Ok(group.notices(&receiver, Utc::now()))
    })
    .await
}

async fn of_sentry(Of(gateway): Of<Arc<Gateway>>, headers: HeaderMap, body: Result<Bytes, BytesRejection>) -> Response {
    take(gateway, headers, body, |body| {
        let body: Value = serde_json::from_slice(body).map_err(|error| format!("this is no JSON: {error}"))?;
        let notice = sentry::notice(&body, Utc::now());
        Ok(vec![notice.ok_or("this is no webhook of Sentry: it has neither a title nor a message")?])
    })
    .await
}

async fn test(Of(gateway): Of<Arc<Gateway>>, headers: HeaderMap) -> Response {
    take(gateway, headers, Ok(Bytes::new()), |_| Ok(vec![test_notice()])).await
}

/// A notice that says that nothing is wrong.
pub(super) fn test_notice() -> Notice {
    let now = Utc::now();
    let words = |summary: &str| Words { summary: summary.to_owned(), description: String::new() };
    Notice {
        episode: episode(&["test", &now.to_rfc3339()]),
        state: State::Test,
        source: Source::Nearset,
        wanted: String::new(),
        name: "Test".to_owned(),
        subject: String::new(),
        severity: Severity::Critical,
        labels: [].into(),
        since: now,
        at: now,
        words: words("nearset tries whether messages arrive; nothing is wrong"),
        chinese: Some(words("nearset 测试通知能否送达；没有异常")),
    }
}

/// Reads a body and has its notices told.
async fn take(
    gateway: Arc<Gateway>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
    read: impl FnOnce(&[u8]) -> Result<Vec<Notice>, String> + Send + 'static,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return refused(error.status(), &format!("a body may have {BODY} bytes at most"));
        }
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.body_text()),
    };
    let work = move || {
        let config = &gateway.config;
        let routing = match gateway.routing() {
            Ok(routing) => routing,
            Err(error) => return refused(StatusCode::SERVICE_UNAVAILABLE, &describe(&error)),
        };
        if !is_allowed(&routing, &headers) {
            return refused(StatusCode::UNAUTHORIZED, "the token of [gateway] in notify.toml is asked for");
        }
        let notices = match read(&body) {
            Ok(notices) => notices,
            Err(why) => return refused(StatusCode::BAD_REQUEST, &why),
        };
        if routing.receivers.is_empty() {
            let why = "nobody is told of anything: write notify.toml, or set WEIXIN_CORP_ID and what belongs to it";
            return refused(StatusCode::SERVICE_UNAVAILABLE, why);
        }
        // a group is told as one message, once all of it is here
        match notices.iter().try_for_each(|notice| tell(config, &routing, notice, Utc::now()).map(drop)) {
            Ok(()) => success(),
            Err(error) => {
                tracing::error!("a webhook was not taken: {}", describe(&error));
                refused(StatusCode::INTERNAL_SERVER_ERROR, &describe(&error))
            }
        }
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| refused(StatusCode::INTERNAL_SERVER_ERROR, "the gateway failed; its log says how"))
}

/// Whether a request has the token, where one is asked for.
fn is_allowed(routing: &Routing, headers: &HeaderMap) -> bool {
    let Some(token) = &routing.token else { return true };
    let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    given.is_some_and(|given| bool::from(given.as_bytes().ct_eq(token.0.as_bytes())))
}

/// Which settings are there, as the old gateway said it, and how many messages wait.
async fn health(Of(gateway): Of<Arc<Gateway>>) -> Response {
    let work = move || {
        let settings = &gateway.config.operations.notify;
        let fault = Routing::of(&gateway.config).err().map(|error| describe(&error));
        let overview = overview::overview(&gateway.config).ok();
        let receivers = overview.as_ref().map_or(0, |overview| overview.receivers.len());
        let waiting =
            overview.as_ref().map_or(0, |overview| overview.waiting.iter().map(|w| w.letters + w.notices).sum());
        let is_well = fault.is_none() && receivers > 0;
        Json(json!({
            "status": if is_well { "healthy" } else { "degraded" },
            "config": {
                "corp_id": settings.corp_id.is_some(),
                "corp_secret": settings.corp_secret.is_some(),
                "agent_id": settings.agent_id.is_some(),
                "default_user": !settings.default_user.is_empty(),
                "notify_file": gateway.config.notify_path().exists(),
            },
            "receivers": receivers,
            "waiting": waiting,
            "fault": fault,
        }))
        .into_response()
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| refused(StatusCode::INTERNAL_SERVER_ERROR, "the gateway failed; its log says how"))
}

async fn metrics(Of(gateway): Of<Arc<Gateway>>) -> Response {
    let text =
        tokio::task::spawn_blocking(move || METRICS.text(&gateway.config, &gateway.routing().unwrap_or_default()));
    match text.await {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response(),
        Err(_) => refused(StatusCode::INTERNAL_SERVER_ERROR, "the gateway failed; its log says how"),
    }
}

//! Health, metrics and administration.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::error::{ApiError, ErrorBody};
use super::metrics::Now;
use super::state::{Loaded, Shared};
use super::watch;

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `healthy`; `degraded` while exposures cannot be logged, or only to a file that cannot be rotated, or while the current
    /// version does not answer; `unavailable` where no model is loaded.
    status: &'static str,
    models_loaded: bool,
    model_version: Option<String>,
    /// Which version should answer and cannot; `null` where the current one does.
    model_fault: Option<String>,
    canary_version: Option<String>,
    shadow_version: Option<String>,
    /// How many experiments run.
    experiments: usize,
    datasets: usize,
    exposures_logged: bool,
    /// How many lists were answered since the start without being logged.
    exposures_unlogged: u64,
    cache: CacheHealth,
    uptime_seconds: u64,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct CacheHealth {
    entries: u64,
    hit_rate: f64,
}

/// How the server is; 503 where it cannot answer lists.
#[utoipa::path(get, path = "/health", tag = "operation",
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub async fn health(State(state): State<Shared>) -> Response {
    let in_force = state.in_force.load_full();
    let is_logging = !state.log.is_failing();
    let model_fault = state.model_fault.load_full().map(|fault| fault.to_string());
    let version = |loaded: &Arc<Loaded>| loaded.version().to_owned();
    let health = Health {
        status: match &in_force {
            None => "unavailable",
            Some(_) if !is_logging || state.log.is_displaced() || model_fault.is_some() => "degraded",
            Some(_) => "healthy",
        },
        models_loaded: in_force.is_some(),
        model_version: in_force.as_ref().map(|f| version(&f.current)),
        model_fault,
        canary_version: in_force.as_ref().and_then(|f| f.canary.as_ref()).map(|c| version(&c.loaded)),
        shadow_version: in_force.as_ref().and_then(|f| f.shadow.as_ref()).map(|s| version(&s.loaded)),
        experiments: in_force.as_ref().map_or(0, |f| f.experiments.count()),
        datasets: in_force.as_ref().map_or(0, |f| f.current.model.parts.items.len()),
        exposures_logged: is_logging,
        exposures_unlogged: state.log.unlogged(),
        cache: CacheHealth {
            entries: in_force.as_ref().map_or(0, |f| f.versions().map(|l| l.cache.entry_count()).sum()),
            hit_rate: state.metrics.hit_rate(),
        },
        uptime_seconds: state.started.elapsed().as_secs(),
    };
    (status_of(in_force.is_some()), Json(health)).into_response()
}

fn status_of(ready: bool) -> StatusCode {
    if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

/// A probe's answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct Probe {
    status: &'static str,
}

/// The process runs.
#[utoipa::path(get, path = "/health/live", tag = "operation", responses((status = 200, body = Probe)))]
pub async fn live() -> Json<Probe> {
    Json(Probe { status: "live" })
}

/// A model is loaded and lists are answered.
#[utoipa::path(get, path = "/health/ready", tag = "operation",
    responses((status = 200, body = Probe), (status = 503, body = Probe)))]
pub async fn ready(State(state): State<Shared>) -> Response {
    let ready = state.in_force.load().is_some();
    (status_of(ready), Json(Probe { status: if ready { "ready" } else { "no_model" } })).into_response()
}

/// Metrics in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "operation", responses((status = 200, body = String)))]
pub async fn metrics(State(state): State<Shared>) -> Result<Response, ApiError> {
    let in_force = state.in_force.load_full();
    let item_coverage = in_force.as_ref().map_or(0.0, |f| f.current.item_coverage());
    let known = in_force.as_ref().map_or(0, |f| f.current.model.parts.users.len()).max(1);
    let now = Now {
        item_coverage,
        user_coverage: state.users.lock().map_or(0, |users| users.len()) as f64 / known as f64,
        is_log_failing: state.log.is_failing(),
        is_log_displaced: state.log.is_displaced(),
        unlogged: state.log.unlogged(),
        has_model_fault: state.model_fault.load().is_some(),
        lag_seconds: state.lag.get().as_secs_f64(),
    };
    let text = state.metrics.render(now).map_err(|error| {
        tracing::error!("metrics: {error:#}");
        ApiError::Internal
    })?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

/// The version that was loaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reloaded {
    model_version: String,
}

/// Load the current version now, without waiting to notice it. Needs the admin token.
#[utoipa::path(post, path = "/models/reload", tag = "operation", security(("admin_token" = [])),
    responses((status = 200, body = Reloaded), (status = 401, body = ErrorBody), (status = 503, body = ErrorBody)))]
pub async fn reload(
    State(state): State<Shared>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
) -> Result<Json<Reloaded>, ApiError> {
    authorize(&state, &headers).inspect_err(|refused| {
        // who asks is told to the operator, what they sent is not
        tracing::warn!("{peer} asked to reload models and was refused: no token that is right");
        state.metrics.error(refused.code(), "models_reload");
    })?;
    let loading = state.clone();
    let loaded = tokio::task::spawn_blocking(move || watch::load_current(&loading)).await;
    match loaded {
        Ok(Ok(model_version)) => Ok(Json(Reloaded { model_version })),
        Ok(Err(error)) => {
            tracing::error!("reload: {error:#}");
            state.metrics.error("model_load", "models_reload");
            Err(if state.in_force.load().is_some() { ApiError::Internal } else { ApiError::NoModel })
        }
        Err(error) => {
            tracing::error!("reload: {error}");
            Err(ApiError::Internal)
        }
    }
}

/// Lets through who holds the admin token. Hashes are compared, so that the time taken tells nothing of the token.
fn authorize(state: &Shared, headers: &HeaderMap) -> Result<(), ApiError> {
    let Some(token) = &state.config.serve.admin_token else {
        return Err(ApiError::Unauthorized("admin routes are off; set ADMIN_TOKEN to use them"));
    };
    let given =
        headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok()).and_then(|v| v.strip_prefix("Bearer "));
    match given {
        Some(given) if Sha256::digest(given) == Sha256::digest(token) => Ok(()),
        _ => Err(ApiError::Unauthorized("send the admin token: Authorization: Bearer …")),
    }
}

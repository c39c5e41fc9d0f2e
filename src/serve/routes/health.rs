//! `/health`: how the server is, for people and for probes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::serve::deployment::LoadedVersion;
use crate::serve::state::Shared;

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

/// How the cache of lists is.
#[derive(Debug, Serialize, ToSchema)]
pub struct CacheHealth {
    entries: u64,
    hit_rate: f64,
}

/// How the server is; 503 where it cannot answer lists.
#[utoipa::path(get, path = "/health", tag = "operation",
    responses(
        (status = 200, body = Health, description = "Lists are answered"),
        (status = 503, body = Health, description = "No model is loaded"),
    ))]
pub async fn health(State(state): State<Shared>) -> Response {
    let deployment = state.deployments.current();
    let is_logging = !state.log.is_failing();
    let model_fault = state.deployments.fault().map(|fault| fault.to_string());
    let name = |version: &Arc<LoadedVersion>| version.name().to_owned();
    let health = Health {
        status: match &deployment {
            None => "unavailable",
            Some(_) if !is_logging || state.log.is_displaced() || model_fault.is_some() => "degraded",
            Some(_) => "healthy",
        },
        models_loaded: deployment.is_some(),
        model_version: deployment.as_ref().map(|d| name(&d.current)),
        model_fault,
        canary_version: deployment.as_ref().and_then(|d| d.canary.as_ref()).map(|c| name(&c.version)),
        shadow_version: deployment.as_ref().and_then(|d| d.shadow.as_ref()).map(|s| name(&s.version)),
        experiments: deployment.as_ref().map_or(0, |d| d.experiments.count()),
        datasets: deployment.as_ref().map_or(0, |d| d.current.model.parts.items.len()),
        exposures_logged: is_logging,
        exposures_unlogged: state.log.unlogged(),
        cache: CacheHealth { entries: state.cache.entries(), hit_rate: state.metrics.hit_rate() },
        uptime_seconds: state.started.elapsed().as_secs(),
    };
    (status_of(deployment.is_some()), Json(health)).into_response()
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
#[utoipa::path(get, path = "/health/live", tag = "operation", 
    responses((status = 200, body = Probe, description = "It runs")))]
pub async fn live() -> Json<Probe> {
    Json(Probe { status: "live" })
}

/// A model is loaded and lists are answered.
#[utoipa::path(get, path = "/health/ready", tag = "operation",
    responses(
        (status = 200, body = Probe, description = "Lists are answered"),
        (status = 503, body = Probe, description = "No model is loaded"),
    ))]
pub async fn ready(State(state): State<Shared>) -> Response {
    let ready = state.deployments.peek().is_some();
    (status_of(ready), Json(Probe { status: if ready { "ready" } else { "no_model" } })).into_response()
}

//! `/health`: how the server is, for people and for probes.

use std::sync::Arc;

use axum::Json;
use axum::extract::State as Of;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::common::files;
use crate::serve::deployment::LoadedVersion;
use crate::serve::state::{Shared, State};

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `healthy`; `degraded` while exposures cannot be logged, or only to a file that cannot be rotated, or while the current
    /// version does not answer, or the disk is nearly full; `unavailable` where no model is loaded.
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
    /// What was looked at, each with how it is.
    checks: Checks,
    exposures_logged: bool,
    /// How many lists were answered since the start without being logged.
    exposures_unlogged: u64,
    cache: CacheHealth,
    uptime_seconds: u64,
}

/// What a server is made of.
#[derive(Debug, Serialize, ToSchema)]
pub struct Checks {
    models: Check,
    exposure_log: Check,
    cache: Check,
    disk: Check,
    load: Check,
}

/// How one part of the server is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Check {
    /// `ok`, `degraded` where lists are answered all the same, `failed` where none are.
    status: &'static str,
    /// What was found, in a sentence.
    detail: String,
}

impl Check {
    fn new(is_ok: bool, otherwise: &'static str, detail: String) -> Self {
        Self { status: if is_ok { "ok" } else { otherwise }, detail }
    }
}

/// With less free, the exposure log may soon have no room.
const LEAST_FREE: u64 = 200_000_000;

/// Looks at all parts.
fn checks(state: &State, version: Option<&str>, model_fault: Option<&str>) -> Checks {
    let log = &state.log;
    let free = files::free_bytes(&state.config.data_dir);
    Checks {
        models: match (version, model_fault) {
            (None, _) => Check::new(false, "failed", "no model is loaded; run the pipeline".to_owned()),
            (Some(_), Some(fault)) => Check::new(false, "degraded", fault.to_owned()),
            (Some(version), None) => Check::new(true, "", format!("{version} answers")),
        },
        exposure_log: match (log.is_failing(), log.is_displaced()) {
            (true, _) => Check::new(false, "degraded", format!("{} lists are not in the log", log.unlogged())),
            (_, true) => Check::new(false, "degraded", "the old file is written, no new one can be begun".to_owned()),
            _ => Check::new(true, "", "every list is logged".to_owned()),
        },
        cache: Check::new(true, "", format!("{} lists", state.cache.entries())),
        disk: match free {
            Ok(free) => {
                Check::new(free >= LEAST_FREE, "degraded", format!("{} MB are free for DATA_DIR", free / 1_000_000))
            }
            Err(_) => Check::new(false, "degraded", "the free space for DATA_DIR cannot be read".to_owned()),
        },
        load: Check::new(
            !state.lag.is_above(state.config.serve.budget),
            "degraded",
            format!("requests are taken up {} ms late", state.lag.get().as_millis()),
        ),
    }
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
pub async fn health(Of(state): Of<Shared>) -> Response {
    let deployment = state.deployments.current();
    let is_logging = !state.log.is_failing();
    let model_fault = state.deployments.fault().map(|fault| fault.to_string());
    let version = deployment.as_ref().map(|d| d.current.name());
    let checks = checks(&state, version, model_fault.as_deref());
    let name = |version: &Arc<LoadedVersion>| version.name().to_owned();
    let health = Health {
        status: match &deployment {
            None => "unavailable",
            Some(_) if !is_logging || state.log.is_displaced() || model_fault.is_some() => "degraded",
            Some(_) if checks.disk.status != "ok" => "degraded",
            Some(_) => "healthy",
        },
        models_loaded: deployment.is_some(),
        model_version: deployment.as_ref().map(|d| name(&d.current)),
        model_fault,
        checks,
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
pub async fn ready(Of(state): Of<Shared>) -> Response {
    let ready = state.deployments.peek().is_some();
    (status_of(ready), Json(Probe { status: if ready { "ready" } else { "no_model" } })).into_response()
}

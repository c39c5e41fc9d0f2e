//! `/metrics`: figures for Prometheus.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use crate::serve::http::ApiError;
use crate::serve::metrics::Gauges;
use crate::serve::state::Shared;

/// Metrics in Prometheus' text form.
#[utoipa::path(get, path = "/metrics", tag = "operation", 
    responses((status = 200, body = String, content_type = "text/plain", description = "All figures")))]
pub async fn metrics(State(state): State<Shared>) -> Result<Response, ApiError> {
    let deployment = state.deployments.current();
    let known = deployment.as_ref().map_or(0, |d| d.current.model.parts.users.len()).max(1);
    let now = Gauges {
        item_coverage: deployment.as_ref().map_or(0.0, |d| d.current.item_coverage()),
        user_coverage: state.users.lock().map_or(0, |users| users.len()) as f64 / known as f64,
        is_log_failing: state.log.is_failing(),
        is_log_displaced: state.log.is_displaced(),
        unlogged: state.log.unlogged(),
        has_model_fault: state.deployments.fault().is_some(),
        model: deployment.as_ref().map(|d| {
            let manifest = &d.current.model.manifest;
            (manifest.version.clone(), manifest.trained_at.timestamp() as f64)
        }),
        lag_seconds: state.lag.get().as_secs_f64(),
    };
    let text = state.metrics.render(&now)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

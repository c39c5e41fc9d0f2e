//! `/models`: administration of versions.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Json;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::request::Parts;
use axum_extra::TypedHeader;
use axum_extra::headers::Authorization;
use axum_extra::headers::authorization::Bearer;
use serde::Serialize;
use subtle::ConstantTimeEq;
use utoipa::ToSchema;

use crate::serve::http::{ApiError, ErrorBody};
use crate::serve::state::Shared;

/// What refused requests are counted under.
const ENDPOINT: &str = "models_reload";

/// Whoever sent the request holds the admin token.
pub struct Admin;

impl FromRequestParts<Shared> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, ApiError> {
        let bearer = TypedHeader::<Authorization<Bearer>>::from_request_parts(parts, state).await;
        let given = bearer.as_ref().map(|TypedHeader(bearer)| bearer.token()).ok();
        let refused = match (&state.config.serve.admin_token, given) {
            (None, _) => ApiError::Unauthorized("admin routes are off; set ADMIN_TOKEN to use them"),
            // the time that comparing takes tells nothing of the token but its length
            (Some(token), Some(given)) if bool::from(token.as_bytes().ct_eq(given.as_bytes())) => return Ok(Self),
            (Some(_), _) => ApiError::Unauthorized("send the admin token: Authorization: Bearer …"),
        };
        // who asks is told to the operator, what they sent is not
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.to_string());
        let peer = peer.unwrap_or_default();
        tracing::warn!("{peer} asked to reload models and was refused: no token that is right");
        state.metrics.error(refused.code(), ENDPOINT);
        Err(refused)
    }
}

/// The version that was loaded.
#[derive(Debug, Serialize, ToSchema)]
pub struct Reloaded {
    model_version: String,
}

/// Load the current version now, without waiting to notice it. Needs the admin token.
#[utoipa::path(post, path = "/models/reload", tag = "operation", security(("admin_token" = [])),
    responses(
        (status = 200, body = Reloaded, description = "It answers now"),
        (status = 401, body = ErrorBody, description = "The admin token is missing or wrong, or none is set"),
        (status = 503, body = ErrorBody, description = "It cannot be loaded, and no other answers"),
    ))]
pub async fn reload(_: Admin, State(state): State<Shared>) -> Result<Json<Reloaded>, ApiError> {
    let loading = state.clone();
    let loaded = tokio::task::spawn_blocking(move || loading.deployments.deploy_current()).await;
    match loaded.context("loading the current version ended early")? {
        Ok(model_version) => Ok(Json(Reloaded { model_version })),
        Err(error) => {
            state.metrics.error("model_load", ENDPOINT);
            if state.deployments.peek().is_some() {
                return Err(error.context("reload").into());
            }
            tracing::error!("reload: {error:#}");
            Err(ApiError::NoModel)
        }
    }
}

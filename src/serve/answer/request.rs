//! A request for a list as a handler gets it: read, checked and admitted before the handler runs.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Query};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::answering::{Answering, headers};
use super::params::ListParams;
use super::query::ListQuery;
use crate::serve::deployment::Deployment;
use crate::serve::http::{ApiError, Purpose};
use crate::serve::state::Shared;

/// A request for a list that was taken up: what it asks, and the deployment that answers it, whatever is deployed meanwhile.
pub struct ListRequest<P> {
    at: Instant,
    query: ListQuery,
    purpose: Purpose,
    /// Only how the answer would begin is asked for.
    is_head: bool,
    deployment: Arc<Deployment>,
    params: PhantomData<P>,
}

impl<P: ListParams> ListRequest<P> {
    async fn read(parts: &mut Parts, state: &Shared, at: Instant) -> Result<Self, ApiError> {
        let path = P::Path::from_request_parts(parts, state).await.map_err(Into::into)?;
        let Query(params) = Query::<P>::from_request_parts(parts, state).await?;
        let query = params.check(path, &parts.headers)?;
        let (purpose, is_head) = (Purpose::of(&parts.headers), parts.method == Method::HEAD);
        Ok(Self { at, query, purpose, is_head, deployment: state.admit()?, params: PhantomData })
    }

    /// Answers it.
    pub async fn answer(self, state: Shared) -> Response {
        if self.is_head {
            return headers().into_response();
        }
        let answer = Answering::new(&state, self.at, &self.query, self.purpose, &self.deployment).answer().await;
        answer.unwrap_or_else(|error| failed::<P>(&state, error))
    }
}

impl<P: ListParams> FromRequestParts<Shared> for ListRequest<P> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, Response> {
        let at = Instant::now();
        Self::read(parts, state, at).await.map_err(|error| failed::<P>(state, error))
    }
}

/// The one way in which a request for a list fails.
fn failed<P: ListParams>(state: &Shared, error: ApiError) -> Response {
    state.metrics.failed(P::ENDPOINT, error.status().as_u16(), error.code());
    error.into_response()
}

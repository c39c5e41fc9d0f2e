//! A request for a list as a handler gets it: read, checked and admitted before the handler runs.

use std::cell::LazyCell;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{FromRequestParts, Query};
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::answering::{Answering, headers};
use super::outcome::Asker;
use super::params::ListParams;
use super::query::ListQuery;
use crate::serve::deployment::Deployment;
use crate::serve::exclusions::address;
use crate::serve::http::agent::bytes;
use crate::serve::http::request_id::prepared;
use crate::serve::http::{Agent, ApiError, Client, Purpose};
use crate::serve::state::Shared;
use crate::serve::test_requests;

/// A request for a list that was taken up: what it asks, and the deployment that answers it, whatever is deployed meanwhile.
pub struct ListRequest<P> {
    at: Instant,
    query: ListQuery,
    asker: Asker,
    request_id: String,
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
        let asker = asker(parts, state, &query)?;
        let deployment = state.admit()?;
        let is_head = parts.method == Method::HEAD;
        // an id that no list gets may be given again
        let is_listed = !is_head && asker.purpose != Purpose::Test;
        let request_id = if is_listed { state.request_ids.for_list(&parts.headers) } else { prepared(&parts.headers) };
        Ok(Self { at, query, asker, request_id, is_head, deployment, params: PhantomData })
    }

    /// Answers it.
    pub async fn answer(self, state: Shared) -> Response {
        if self.is_head {
            return headers().into_response();
        }
        let Self { at, query, asker, request_id, deployment, .. } = self;
        let answer = Answering::new(&state, at, &query, asker, &deployment).answer(request_id).await;
        answer.unwrap_or_else(|error| failed::<P>(&state, error))
    }
}

/// Who asks.
fn asker(parts: &Parts, state: &Shared, query: &ListQuery) -> Result<Asker, ApiError> {
    let (headers, agent) = (&parts.headers, Agent::of(&parts.headers));
    let is_test = test_requests::is_test(parts, state)?;
    let seen = Purpose::of(headers, agent);
    let client = Client::of(headers, query.source.as_deref(), agent);
    // most lists are asked for by name, and no rule names an address
    let address = LazyCell::new(|| address(parts));
    let visitor = match query.target.visitor() {
        Some(name) => state.visitors.named(name),
        None => state.visitors.unnamed(*address, bytes(headers)),
    };
    let excluded = state.exclusions.now().marks(|| *address, bytes(headers));
    Ok(Asker { purpose: if is_test { Purpose::Test } else { seen }, client, visitor, excluded })
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

//! The routes that answer lists.

use axum::extract::State;
use axum::response::Response;

use crate::common::ids::Id;
use crate::serve::answer::{
    DetailAnswer, DetailParams, ListHeaders, ListRequest, PersonAnswer, PersonParams, SimilarAnswer, SimilarParams,
    TrendingAnswer, TrendingParams,
};
use crate::serve::http::ErrorBody;
use crate::serve::state::Shared;
use crate::serve::test_requests::TestParams;

/// Datasets to show beside a dataset, the same for everyone.
#[utoipa::path(
    get, path = "/similar/{dataset_id}", tag = "lists",
    params(("dataset_id" = Id, Path, description = "The page's dataset"), SimilarParams, TestParams, ListHeaders),
    responses(
        (status = 200, body = SimilarAnswer, description = "The list"),
        (status = 400, body = ErrorBody, description = "A malformed id or top_n"),
        (status = 401, body = ErrorBody, description = "A test token that is wrong"),
        (status = 503, body = ErrorBody, description = "No model is loaded, or too much is asked of the server; Retry-After says when to ask again"),
    ),
)]
pub async fn similar(State(state): State<Shared>, request: ListRequest<SimilarParams>) -> Response {
    request.answer(state).await
}

/// Datasets to show a visitor beside a dataset: moved by what they looked at, without what they bought.
#[utoipa::path(
    get, path = "/recommend/detail/{dataset_id}", tag = "lists",
    params(("dataset_id" = Id, Path, description = "The page's dataset"), DetailParams, TestParams, ListHeaders),
    responses(
        (status = 200, body = DetailAnswer, description = "The list"),
        (status = 400, body = ErrorBody, description = "A malformed id or top_n"),
        (status = 401, body = ErrorBody, description = "A test token that is wrong"),
        (status = 503, body = ErrorBody, description = "No model is loaded, or too much is asked of the server; Retry-After says when to ask again"),
    ),
)]
pub async fn detail(State(state): State<Shared>, request: ListRequest<DetailParams>) -> Response {
    request.answer(state).await
}

/// Datasets for a person, on no page.
///
/// What goes with what they looked at, lately or on earlier visits, without what they bought; for who is not known, what is
/// popular.
#[utoipa::path(
    get, path = "/recommend", tag = "lists",
    params(PersonParams, TestParams, ListHeaders),
    responses(
        (status = 200, body = PersonAnswer, description = "The list"),
        (status = 400, body = ErrorBody, description = "A malformed id or top_n"),
        (status = 401, body = ErrorBody, description = "A test token that is wrong"),
        (status = 503, body = ErrorBody, description = "No model is loaded, or too much is asked of the server; Retry-After says when to ask again"),
    ),
)]
pub async fn person(State(state): State<Shared>, request: ListRequest<PersonParams>) -> Response {
    request.answer(state).await
}

/// What visitors look at most just now.
#[utoipa::path(
    get, path = "/hot/trending", tag = "lists",
    params(TrendingParams, TestParams, ListHeaders),
    responses(
        (status = 200, body = TrendingAnswer, description = "The list"),
        (status = 400, body = ErrorBody, description = "A malformed limit or timeframe"),
        (status = 401, body = ErrorBody, description = "A test token that is wrong"),
        (status = 503, body = ErrorBody, description = "No model is loaded, or too much is asked of the server; Retry-After says when to ask again"),
    ),
)]
pub async fn trending(State(state): State<Shared>, request: ListRequest<TrendingParams>) -> Response {
    request.answer(state).await
}

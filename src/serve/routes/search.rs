//! `/search`: datasets by words.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::common::about::{self, Part};
use crate::common::ids::Id;
use crate::search::{self, By};
use crate::serve::deployment::LoadedVersion;
use crate::serve::http::params::count;
use crate::serve::http::{ApiError, ErrorBody};
use crate::serve::state::Shared;

/// The longest query, in characters.
const LONGEST: usize = 300;

/// How long a search waits for those before it.
const PATIENCE: Duration = Duration::from_millis(500);

/// The query of `/search`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchParams {
    /// The words to look for, in any language that the catalogue is in; Chinese also in pinyin.
    q: Option<String>,
    /// How many datasets, 1 to 100; 10 where it is left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// A dataset that was found.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundItem {
    dataset_id: Id,
    title: String,
    price: Option<f64>,
    cover_image: Option<String>,
    /// 1 for what stands first by every way of finding.
    score: f32,
    /// How it was found.
    found_by: Vec<By>,
}

/// The answer of `/search`.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchAnswer {
    query: String,
    items: Vec<FoundItem>,
    algorithm_version: String,
    /// `no_text_model`, `no_picture_model`: the version was made with a model that this server has not; else `null`.
    degrade_reason: Option<&'static str>,
}

/// Datasets by words: by names, tags and providers, by what texts mean, and by what pictures show.
#[utoipa::path(
    get, path = "/search", tag = "lists",
    params(SearchParams),
    responses(
        (status = 200, body = SearchAnswer, description = "What was found"),
        (status = 400, body = ErrorBody, description = "No words, too many, or a malformed limit"),
        (status = 503, body = ErrorBody, description = "No model is loaded, or too much is asked of the server; Retry-After says when to ask again"),
    ),
)]
pub async fn search(
    State(state): State<Shared>,
    params: Result<Query<SearchParams>, QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(params) = params?;
    let limit = count("limit", params.limit.as_deref(), 10)?;
    let query = params.q.unwrap_or_default().trim().to_owned();
    if query.is_empty() || query.chars().count() > LONGEST {
        return Err(ApiError::BadRequest(format!("q must be 1 to {LONGEST} characters of what is looked for")));
    }
    let answer = answer(&state, query, limit).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

/// The datasets that are found by words, the best first.
///
/// # Errors
/// No model is loaded, too much is asked of the server, or the words cannot be read.
pub async fn found(state: &Shared, words: &str, limit: usize) -> Result<Vec<i64>, ApiError> {
    let words: String = words.trim().chars().take(LONGEST).collect();
    if words.is_empty() {
        return Ok(Vec::new());
    }
    let answer = answer(state, words, limit).await?;
    Ok(answer.items.iter().map(|item| item.dataset_id.number()).collect())
}

/// Answers a query once those before it are.
async fn answer(state: &Shared, query: String, limit: usize) -> Result<SearchAnswer, ApiError> {
    let version = state.admit()?.current.clone();
    let searching = tokio::time::timeout(PATIENCE, state.searching.acquire()).await;
    let Ok(Ok(_permit)) = searching else {
        state.metrics.timeout("search", "search");
        return Err(ApiError::Overloaded);
    };
    // models take milliseconds, and the first query loads them: lists are answered meanwhile
    let finding = state.clone();
    let began = Instant::now();
    let answer = about::blocking(move || find(&finding, &version, query, limit)).await;
    about::took(Part::List, began.elapsed());
    Ok(answer.context("a search ended early")??)
}

/// Finds datasets by a query, also by what the version's models make of it.
fn find(state: &Shared, version: &LoadedVersion, query: String, limit: usize) -> Result<SearchAnswer> {
    let manifest = &version.model.manifest;
    let read = state
        .encoder()?
        .encode(&query, manifest.text_model.as_deref(), manifest.picture_model.as_deref())
        .context("a query cannot be read by its model")?;
    let degrade_reason = match () {
        () if read.lacks_text => Some("no_text_model"),
        () if read.lacks_picture => Some("no_picture_model"),
        () => None,
    };
    let asked = search::Query { words: &query, text: read.text.as_deref(), picture: read.picture.as_deref() };
    let found = version.finder().search(&version.model, &asked, &version.policy(0, 0).rules, limit);
    let item = |found: search::Found| {
        let item = version.model.item(found.item);
        FoundItem {
            dataset_id: state.config.serve.id_format.id(item.dataset_id),
            title: item.title.clone(),
            price: item.price,
            cover_image: item.cover_image.clone(),
            score: found.score,
            found_by: found.by,
        }
    };
    let items = found.into_iter().map(item).collect();
    Ok(SearchAnswer { query, items, algorithm_version: version.name().to_owned(), degrade_reason })
}

//! The routes that answer lists.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;
use utoipa::IntoParams;

use super::answer::{Asked, Degraded, DetailAnswer, Said, SimilarAnswer, TrendingAnswer};
use super::error::{ApiError, ErrorBody};
use super::metrics::Endpoint;
use super::state::{Key, List, Shared};
use crate::recommend::Language;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SimilarParams {
    /// How many items, 1 to 100; 10 where it is left out. `limit` is another name for it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// Any name that stays with this visitor, so that an experiment does.
    visitor_id: Option<String>,
    /// The language of reasons, `zh` or `en`; what Accept-Language prefers where it is left out.
    #[param(pattern = "^(zh|en)")]
    lang: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DetailParams {
    /// How many items, 1 to 100; 10 where it is left out. `limit` is another name for it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The marketplace's id of the visitor, where it is known.
    #[param(value_type = Option<i64>, minimum = 0)]
    user_id: Option<String>,
    /// Any name that stays with a visitor who is not known, such as Matomo's visitor id, so that an experiment does.
    visitor_id: Option<String>,
    /// Datasets this visitor looked at before, newest first, as in 3,1,2.
    #[param(pattern = "^[0-9, ]*$")]
    recent: Option<String>,
    /// The language of reasons, `zh` or `en`; what Accept-Language prefers where it is left out.
    #[param(pattern = "^(zh|en)")]
    lang: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrendingParams {
    /// How many items, 1 to 100; 20 where it is left out. `top_n` is another name for it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    /// `1h`, `24h` (where it is left out), `7d` or `30d`.
    #[param(pattern = "^(1h|24h|7d|30d)$")]
    timeframe: Option<String>,
    /// The language of reasons, `zh` or `en`; what Accept-Language prefers where it is left out.
    #[param(pattern = "^(zh|en)")]
    lang: Option<String>,
}

const TIMEFRAMES: [&str; 4] = ["1h", "24h", "7d", "30d"];

/// How many earlier pages are read of `recent`.
const RECENT_READ: usize = 20;

/// Datasets to show beside a dataset, the same for everyone.
#[utoipa::path(
    get, path = "/similar/{dataset_id}", tag = "lists",
    params(("dataset_id" = i64, Path, minimum = 0, description = "The page's dataset"), SimilarParams),
    responses(
        (status = 200, body = SimilarAnswer),
        (status = 400, body = ErrorBody, description = "A malformed id or top_n"),
        (status = 503, body = ErrorBody, description = "No model is loaded"),
    ),
)]
pub async fn similar(
    State(state): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    params: Result<Query<SimilarParams>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::new(&state, Endpoint::Similar);
    let answer = async {
        let (Path(dataset_id), Query(params)) = (path?, params?);
        let dataset_id = id("dataset_id", &dataset_id)?;
        let language = language(params.lang.as_deref(), &headers)?;
        let top_n = count("top_n", params.top_n.or(params.limit).as_deref(), 10)?;
        let in_force = state.admit()?;
        let chosen = in_force.choose(Endpoint::Similar, visitor(params.visitor_id.as_deref()));
        let page = chosen.loaded.model.by_id.get(&dataset_id).copied();
        let mut said = Said { page_id: Some(dataset_id), ..Said::default() };
        said.degrade_reason = page.is_none().then_some(Degraded::UnknownDataset);
        let key = Key { list: List::Similar { page, top_n }, language, arm: chosen.arm };
        let finished = asked.list(&in_force, &chosen, &key, &mut said)?;
        asked
            .answer(&in_force, &chosen, &key, &finished, said, |about, items| {
                serde_json::to_vec(&SimilarAnswer { dataset_id, similar_items: items, about })
            })
            .await
    };
    asked.respond(answer.await)
}

/// Datasets to show a visitor beside a dataset: moved by what they looked at, without what they bought.
#[utoipa::path(
    get, path = "/recommend/detail/{dataset_id}", tag = "lists",
    params(("dataset_id" = i64, Path, minimum = 0, description = "The page's dataset"), DetailParams),
    responses(
        (status = 200, body = DetailAnswer),
        (status = 400, body = ErrorBody, description = "A malformed id or top_n"),
        (status = 503, body = ErrorBody, description = "No model is loaded"),
    ),
)]
pub async fn detail(
    State(state): State<Shared>,
    path: Result<Path<String>, PathRejection>,
    params: Result<Query<DetailParams>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::new(&state, Endpoint::Detail);
    let answer = async {
        let (Path(dataset_id), Query(params)) = (path?, params?);
        let dataset_id = id("dataset_id", &dataset_id)?;
        let language = language(params.lang.as_deref(), &headers)?;
        let top_n = count("top_n", params.top_n.or(params.limit).as_deref(), 10)?;
        let user_text = params.user_id.as_deref().filter(|text| !text.is_empty());
        let user = user_text.map(|text| id("user_id", text)).transpose()?;
        let recent = params.recent.as_deref().unwrap_or_default();
        let recent: Vec<i64> = recent
            .split(',')
            .filter(|t| !t.trim().is_empty())
            .map(|t| id("recent", t.trim()))
            .collect::<Result<_, _>>()?;
        let in_force = state.admit()?;
        let chosen = in_force.choose(Endpoint::Detail, user_text.or(visitor(params.visitor_id.as_deref())));
        let model = &chosen.loaded.model;
        let page = model.by_id.get(&dataset_id).copied();
        let recent = recent.iter().filter_map(|r| model.by_id.get(r).copied()).take(RECENT_READ).collect();
        let known = user.filter(|user| model.parts.users.contains_key(user));
        let mut said = Said { page_id: Some(dataset_id), user_id: user, ..Said::default() };
        said.degrade_reason = match (page, user, known) {
            (None, ..) => Some(Degraded::UnknownDataset),
            (_, Some(_), None) => Some(Degraded::UnknownUser),
            _ => None,
        };
        if let (Some(user), Ok(mut users)) = (known, state.users.lock()) {
            users.insert(user);
        }
        let list = List::Detail { page, user: known, recent, top_n };
        let key = Key { list, language, arm: chosen.arm };
        let finished = asked.list(&in_force, &chosen, &key, &mut said)?;
        let finished = asked.explore(&in_force, &chosen, finished, language, &mut said)?;
        asked
            .answer(&in_force, &chosen, &key, &finished, said, |about, items| {
                serde_json::to_vec(&DetailAnswer { dataset_id, recommendations: items, about })
            })
            .await
    };
    asked.respond(answer.await)
}

/// What is viewed most just now.
#[utoipa::path(
    get, path = "/hot/trending", tag = "lists",
    params(TrendingParams),
    responses(
        (status = 200, body = TrendingAnswer),
        (status = 400, body = ErrorBody, description = "A malformed limit or timeframe"),
        (status = 503, body = ErrorBody, description = "No model is loaded"),
    ),
)]
pub async fn trending(
    State(state): State<Shared>,
    params: Result<Query<TrendingParams>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let asked = Asked::new(&state, Endpoint::Trending);
    let answer = async {
        let Query(params) = params?;
        let language = language(params.lang.as_deref(), &headers)?;
        let limit = count("limit", params.limit.or(params.top_n).as_deref(), 20)?;
        let asked_for = params.timeframe.as_deref().unwrap_or("24h");
        let timeframe = TIMEFRAMES.into_iter().find(|t| *t == asked_for).ok_or_else(|| {
            ApiError::BadRequest(format!("timeframe is {asked_for:?}; it may be {}", TIMEFRAMES.join(", ")))
        })?;
        let in_force = state.admit()?;
        let chosen = in_force.choose(Endpoint::Trending, None);
        let tick = state.views.rankings().tick;
        let key = Key { list: List::Trending { timeframe, limit, tick }, language, arm: chosen.arm };
        let mut said = Said::default();
        let finished = asked.list(&in_force, &chosen, &key, &mut said)?;
        asked
            .answer(&in_force, &chosen, &key, &finished, said, |about, items| {
                serde_json::to_vec(&TrendingAnswer { timeframe, items, about })
            })
            .await
    };
    asked.respond(answer.await)
}

fn id(name: &str, text: &str) -> Result<i64, ApiError> {
    let id = text.parse::<i64>().ok().filter(|id| *id >= 0);
    id.ok_or_else(|| ApiError::BadRequest(format!("{name} is {text:?}; it must be a whole number")))
}

/// The name of a visitor, where there is one.
fn visitor(id: Option<&str>) -> Option<&str> {
    id.filter(|id| !id.is_empty())
}

/// The language asked for: by `lang`, else the first of Accept-Language that is Chinese or English, else English.
fn language(lang: Option<&str>, headers: &HeaderMap) -> Result<Language, ApiError> {
    let of = |tag: &str| match tag.trim().to_ascii_lowercase().get(..2) {
        Some("zh") => Some(Language::Chinese),
        Some("en") => Some(Language::English),
        _ => None,
    };
    match lang {
        Some(lang) => of(lang).ok_or_else(|| ApiError::BadRequest(format!("lang is {lang:?}; it may be zh or en"))),
        None => {
            let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok()).unwrap_or_default();
            Ok(accepted.split(',').find_map(of).unwrap_or_default())
        }
    }
}

pub fn count(name: &str, text: Option<&str>, default: usize) -> Result<usize, ApiError> {
    let Some(text) = text else { return Ok(default) };
    let count = text.parse::<usize>().ok().filter(|n| (1..=100).contains(n));
    count.ok_or_else(|| ApiError::BadRequest(format!("{name} is {text:?}; it must be a whole number from 1 to 100")))
}

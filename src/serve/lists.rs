//! The routes that answer lists.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use chrono::{SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use utoipa::{IntoParams, ToSchema};

use super::error::{ApiError, ErrorBody};
use super::metrics::Endpoint;
use super::state::{Finished, Key, List, Loaded, Shared};
use crate::model::Model;
use crate::recommend::explore::{self, Propensity};
use crate::recommend::{self, Language, Policy, Recommended, Request};

/// A dataset in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListItem<'a> {
    pub dataset_id: i64,
    pub title: &'a str,
    /// `null` where the price is not known; 0 is free.
    pub price: Option<f64>,
    /// A path below the folder of images.
    pub cover_image: Option<&'a str>,
    /// How likely it is to be chosen.
    pub score: f32,
    /// Why it is here, in words for the visitor (`lang`); the exposure log has the figures that decided.
    #[schema(example = "Viewed together with this dataset in 12 visits")]
    pub reason: String,
}

/// What a list was made with; the exposure log has the same.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Context<'a> {
    pub endpoint: &'a str,
    pub variant: &'a str,
    pub experiment_variant: &'a str,
    /// Why a fallback answered; `null` where none did.
    #[schema(example = "unknown_dataset")]
    pub degrade_reason: Option<&'a str>,
    pub model_run_id: &'a str,
    /// What was tried in this list; `null` where nothing may be.
    pub exploration: Option<Exploration>,
}

/// One place of some lists tries a dataset that just missed the list.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Exploration {
    /// The place that was given to one, from 0; `null` in most lists.
    pub place: Option<usize>,
    /// With which probability any dataset of the list would stand in its place.
    pub kept: f64,
    /// With which probability the dataset that is tried stands where it does.
    pub explored: f64,
}

/// The answer of `/similar`.
#[derive(Debug, Serialize, ToSchema)]
pub struct SimilarAnswer<'a> {
    dataset_id: i64,
    #[schema(value_type = Vec<ListItem>)]
    similar_items: &'a RawValue,
    #[serde(flatten)]
    about: About<'a>,
}

/// The answer of `/recommend/detail`.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetailAnswer<'a> {
    dataset_id: i64,
    #[schema(value_type = Vec<ListItem>)]
    recommendations: &'a RawValue,
    #[serde(flatten)]
    about: About<'a>,
}

/// The answer of `/hot/trending`.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrendingAnswer<'a> {
    #[schema(example = "24h")]
    timeframe: &'a str,
    #[schema(value_type = Vec<ListItem>)]
    items: &'a RawValue,
    #[serde(flatten)]
    about: About<'a>,
}

/// What every list says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct About<'a> {
    /// New for every answer; hand it to Matomo when an item is clicked.
    #[schema(example = "req_0ec4a1f9fa6eabfeeeee")]
    request_id: &'a str,
    algorithm_version: &'a str,
    /// `primary`, or `fallback`.
    variant: &'a str,
    experiment_variant: &'a str,
    request_context: Context<'a>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SimilarParams {
    /// How many items, 1 to 100; 10 where it is left out. `limit` is another name for it.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    top_n: Option<String>,
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
    /// The language of reasons, `zh` or `en`; what Accept-Language prefers where it is left out.
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
    #[param(value_type = Option<i64>)]
    user_id: Option<String>,
    /// Datasets this visitor looked at before, newest first, as in 3,1,2.
    recent: Option<String>,
    /// The language of reasons, `zh` or `en`; what Accept-Language prefers where it is left out.
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
    timeframe: Option<String>,
    /// The language of reasons, `zh` or `en`; what Accept-Language prefers where it is left out.
    lang: Option<String>,
}

const TIMEFRAMES: [&str; 4] = ["1h", "24h", "7d", "30d"];

/// How many earlier pages are read of `recent`.
const RECENT_READ: usize = 20;

/// Datasets to show beside a dataset, the same for everyone.
#[utoipa::path(
    get, path = "/similar/{dataset_id}", tag = "lists",
    params(("dataset_id" = i64, Path, description = "The page's dataset"), SimilarParams),
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
        let loaded = state.loaded.load_full().ok_or(ApiError::NoModel)?;
        let page = loaded.model.by_id.get(&dataset_id).copied();
        let degrade_reason = page.is_none().then_some("unknown_dataset");
        let finished = asked.list(&loaded, Key { list: List::Similar { page, top_n }, language })?;
        asked
            .answer(
                &loaded,
                &finished,
                Said { page_id: Some(dataset_id), degrade_reason, ..Said::default() },
                |about, items| serde_json::to_vec(&SimilarAnswer { dataset_id, similar_items: items, about }),
            )
            .await
    };
    asked.respond(answer.await)
}

/// Datasets to show a visitor beside a dataset: moved by what they looked at, without what they bought.
#[utoipa::path(
    get, path = "/recommend/detail/{dataset_id}", tag = "lists",
    params(("dataset_id" = i64, Path, description = "The page's dataset"), DetailParams),
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
        let user = match params.user_id.as_deref() {
            None | Some("") => None,
            Some(text) => Some(id("user_id", text)?),
        };
        let recent = params.recent.as_deref().unwrap_or_default();
        let recent: Vec<i64> = recent
            .split(',')
            .filter(|t| !t.trim().is_empty())
            .map(|t| id("recent", t.trim()))
            .collect::<Result<_, _>>()?;
        let loaded = state.loaded.load_full().ok_or(ApiError::NoModel)?;
        let model = &loaded.model;
        let page = model.by_id.get(&dataset_id).copied();
        let recent = recent.iter().filter_map(|r| model.by_id.get(r).copied()).take(RECENT_READ).collect();
        let known = user.is_none_or(|user| model.parts.users.contains_key(&user));
        let degrade_reason = match (page, known) {
            (None, _) => Some("unknown_dataset"),
            (_, false) => Some("unknown_user"),
            _ => None,
        };
        if let (Some(user), true, Ok(mut users)) = (user, known, state.users.lock()) {
            users.insert(user);
        }
        let finished = {
            let list = List::Detail { page, user: user.filter(|_| known), recent, top_n };
            asked.list(&loaded, Key { list, language })?
        };
        let (finished, exploration) = asked.explore(&loaded, &finished, language)?;
        asked
            .answer(
                &loaded,
                &finished,
                Said { page_id: Some(dataset_id), user_id: user, degrade_reason, exploration },
                |about, items| serde_json::to_vec(&DetailAnswer { dataset_id, recommendations: items, about }),
            )
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
        let loaded = state.loaded.load_full().ok_or(ApiError::NoModel)?;
        let finished = asked.list(&loaded, Key { list: List::Trending { timeframe, limit }, language })?;
        asked
            .answer(&loaded, &finished, Said::default(), |about, items| {
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

fn count(name: &str, text: Option<&str>, default: usize) -> Result<usize, ApiError> {
    let Some(text) = text else { return Ok(default) };
    let count = text.parse::<usize>().ok().filter(|n| (1..=100).contains(n));
    count.ok_or_else(|| ApiError::BadRequest(format!("{name} is {text:?}; it must be a whole number from 1 to 100")))
}

/// A request for a list, from its arrival to its answer.
struct Asked<'a> {
    state: &'a Shared,
    endpoint: Endpoint,
    at: Instant,
}

/// What an answer and its line in the log say of one request.
#[derive(Clone, Copy, Default)]
struct Said {
    page_id: Option<i64>,
    user_id: Option<i64>,
    degrade_reason: Option<&'static str>,
    exploration: Option<Exploration>,
}

/// One line of the exposure log.
#[derive(Serialize)]
struct Exposure<'a> {
    request_id: &'a str,
    user_id: Option<i64>,
    page_id: Option<i64>,
    algorithm_version: &'a str,
    timestamp: String,
    items: &'a RawValue,
    context: Context<'a>,
}

#[derive(Serialize)]
struct LoggedItem {
    dataset_id: i64,
    score: f32,
    reason: String,
}

impl<'a> Asked<'a> {
    fn new(state: &'a Shared, endpoint: Endpoint) -> Self {
        Self { state, endpoint, at: Instant::now() }
    }

    /// The finished list for a key, from the cache or computed now.
    fn list(&self, loaded: &Loaded, key: Key) -> Result<Arc<Finished>, ApiError> {
        if let Some(finished) = loaded.cache.get(&key) {
            self.state.metrics.cache_hit();
            return Ok(finished);
        }
        let started = Instant::now();
        let behind = if self.state.config.exploration > 0.0 { explore::BEHIND } else { 0 };
        let (list, candidates) = compute(&loaded.model, &key.list, &loaded.policy, behind);
        let finished = finish(&loaded.model, list, key.list.top_n(), key.language).map_err(|_| ApiError::Internal)?;
        for entry in finished.list.iter().take(finished.count) {
            loaded.mark_shown(entry.item);
        }
        let finished = Arc::new(finished);
        self.state.metrics.cache_miss(started.elapsed().as_secs_f64(), candidates);
        loaded.cache.insert(key, finished.clone());
        Ok(finished)
    }

    /// What may be tried in a list and, now and then, a list in which it is: the answer is another one than the cached.
    fn explore(
        &self,
        loaded: &Loaded,
        finished: &Arc<Finished>,
        language: Language,
    ) -> Result<(Arc<Finished>, Option<Exploration>), ApiError> {
        let (rate, behind) = (self.state.config.exploration, finished.list.len() - finished.count);
        if rate <= 0.0 || behind == 0 {
            return Ok((finished.clone(), None));
        }
        let Propensity { kept, explored } = explore::propensity(rate, finished.count, behind);
        if rand::random::<f64>() >= rate {
            return Ok((finished.clone(), Some(Exploration { place: None, kept, explored })));
        }
        let mut list = finished.list.clone();
        let place = explore::swap(&mut list, finished.count, rand::random(), rand::random());
        list.truncate(finished.count);
        let tried = finish(&loaded.model, list, finished.count, language).map_err(|_| ApiError::Internal)?;
        Ok((Arc::new(tried), Some(Exploration { place, kept, explored })))
    }

    /// Logs the exposure, then renders the answer.
    async fn answer(
        &self,
        loaded: &Loaded,
        finished: &Finished,
        said: Said,
        render: impl FnOnce(About<'_>, &RawValue) -> serde_json::Result<Vec<u8>>,
    ) -> Result<Vec<u8>, ApiError> {
        let version = loaded.model.manifest.version.as_str();
        let request_id = format!("req_{:020x}", rand::random::<u128>() >> 48);
        let Said { page_id, user_id, degrade_reason, exploration } = said;
        let variant = if degrade_reason.is_some() { "fallback" } else { "primary" };
        let experiment_variant = "control";
        let context = Context {
            endpoint: self.endpoint.name(),
            variant,
            experiment_variant,
            degrade_reason,
            model_run_id: version,
            exploration,
        };
        let line = serde_json::to_vec(&Exposure {
            request_id: &request_id,
            user_id,
            page_id,
            algorithm_version: version,
            timestamp: Utc::now().to_rfc3339_opts(SecondsFormat::Millis, false),
            items: &finished.logged_items,
            context,
        })
        .map_err(|_| ApiError::Internal)?;
        if self.state.log.append(line).await.is_err() {
            // the page comes first: the log's own thread has said why
            self.state.metrics.error("exposure_log", self.endpoint.name());
        }
        let about = About {
            request_id: &request_id,
            algorithm_version: version,
            variant,
            experiment_variant,
            request_context: context,
        };
        let body = render(about, &finished.items).map_err(|_| ApiError::Internal)?;
        let labels = [variant, experiment_variant, degrade_reason.unwrap_or("none")];
        self.state.metrics.answered(self.endpoint, labels, finished.count, self.at.elapsed().as_secs_f64());
        Ok(body)
    }

    fn respond(&self, answer: Result<Vec<u8>, ApiError>) -> Response {
        match answer {
            Ok(body) => ([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")], body)
                .into_response(),
            Err(error) => {
                self.state.metrics.failed(self.endpoint, error.status().as_u16(), error.code());
                error.into_response()
            }
        }
    }
}

/// A list, and how many candidates it was chosen from. That of `/recommend/detail` has `behind` more that just missed it.
fn compute(model: &Model, list: &List, policy: &Policy, behind: usize) -> (Vec<Recommended>, usize) {
    match list {
        List::Similar { page, top_n } => {
            recommend::recommend(model, &Request { page: *page, top_n: *top_n, ..Request::default() }, policy)
        }
        List::Detail { page, user, recent, top_n } => {
            let user = user.and_then(|id| model.parts.users.get(&id));
            recommend::recommend(model, &Request { page: *page, user, recent, top_n: top_n + behind }, policy)
        }
        List::Trending { timeframe, limit } => {
            let candidates = model.parts.trending.get(*timeframe).map_or(0, Vec::len);
            (recommend::trending(model, timeframe, *limit, policy), candidates)
        }
    }
}

/// Renders the first `top_n` of a list as the answer and the log have it.
fn finish(model: &Model, list: Vec<Recommended>, top_n: usize, language: Language) -> serde_json::Result<Finished> {
    let shown = &list[..list.len().min(top_n)];
    let items: Vec<ListItem<'_>> = shown
        .iter()
        .map(|entry| {
            let item = model.item(entry.item);
            ListItem {
                dataset_id: item.dataset_id,
                title: &item.title,
                price: item.price,
                cover_image: item.cover_image.as_deref(),
                score: entry.score,
                reason: entry.reason.words(language),
            }
        })
        .collect();
    let logged: Vec<LoggedItem> = shown
        .iter()
        .map(|entry| LoggedItem {
            dataset_id: model.item(entry.item).dataset_id,
            score: entry.score,
            reason: entry.reason.to_string(),
        })
        .collect();
    Ok(Finished { items: to_raw_value(&items)?, logged_items: to_raw_value(&logged)?, count: shown.len(), list })
}

/// Asks a version for lists as visitors would, before it is put in force.
pub fn smoke(loaded: &Loaded) -> anyhow::Result<()> {
    let model = &loaded.model;
    let listed = model.manifest.listed_items;
    for page in [None, model.parts.popular.first().map(|r| r.item)] {
        let expected = 10.min(listed.saturating_sub(usize::from(page.is_some())));
        let (list, _) = compute(model, &List::Similar { page, top_n: 10 }, &Policy::default(), 0);
        anyhow::ensure!(list.len() == expected, "a list has {} items where {expected} were due", list.len());
        anyhow::ensure!(
            list.iter().all(|e| Some(e.item) != page && model.item(e.item).is_listed),
            "a list breaks its rules"
        );
    }
    Ok(())
}

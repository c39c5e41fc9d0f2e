//! A request for a list from its arrival to its answer: from the cache or computed, explored, logged, rendered.

use std::sync::Arc;
use std::time::Instant;

use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{SecondsFormat, Utc};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use utoipa::ToSchema;

use super::error::ApiError;
use super::metrics::Endpoint;
use super::recent_views::Rankings;
use super::state::{Chosen, Finished, InForce, Key, List, Shared};
use crate::model::Model;
use crate::recommend::exploration::{self, Propensity};
use crate::recommend::{self, Effort, Language, Policy, Reason, Recommended, Request, Words};

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
    #[schema(value_type = String, example = "Viewed together with this dataset in 12 visits")]
    #[serde(serialize_with = "shown")]
    pub reason: Words<'a>,
}

/// What a list was made with; the exposure log has the same.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Context<'a> {
    pub endpoint: &'a str,
    pub variant: &'a str,
    /// The experiment the visitor takes part in, and its variant there; `null` and `control` where in none.
    pub experiment: Option<&'a str>,
    pub experiment_variant: &'a str,
    /// What the version is in this answer: `primary`, `canary`, or `experiment`.
    #[schema(example = "primary")]
    pub model_role: &'a str,
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
    pub dataset_id: i64,
    #[schema(value_type = Vec<ListItem>)]
    pub similar_items: &'a RawValue,
    #[serde(flatten)]
    pub about: About<'a>,
}

/// The answer of `/recommend/detail`.
#[derive(Debug, Serialize, ToSchema)]
pub struct DetailAnswer<'a> {
    pub dataset_id: i64,
    #[schema(value_type = Vec<ListItem>)]
    pub recommendations: &'a RawValue,
    #[serde(flatten)]
    pub about: About<'a>,
}

/// The answer of `/hot/trending`.
#[derive(Debug, Serialize, ToSchema)]
pub struct TrendingAnswer<'a> {
    #[schema(example = "24h")]
    pub timeframe: &'a str,
    #[schema(value_type = Vec<ListItem>)]
    pub items: &'a RawValue,
    #[serde(flatten)]
    pub about: About<'a>,
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

/// Why a list is not what it would be at best, and what stood in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Degraded {
    UnknownDataset,
    UnknownUser,
    OverBudget,
}

impl Degraded {
    pub fn reason(self) -> &'static str {
        match self {
            Self::UnknownDataset => "unknown_dataset",
            Self::UnknownUser => "unknown_user",
            Self::OverBudget => "over_budget",
        }
    }

    /// The next best that answered.
    fn level(self) -> &'static str {
        match self {
            Self::UnknownDataset => "popular",
            Self::UnknownUser => "anonymous",
            Self::OverBudget => "short",
        }
    }
}

/// A request for a list, from its arrival to its answer.
pub struct Asked<'a> {
    state: &'a Shared,
    endpoint: Endpoint,
    at: Instant,
}

/// What an answer and its line in the log say of one request.
#[derive(Clone, Copy, Default)]
pub struct Said {
    pub page_id: Option<i64>,
    pub user_id: Option<i64>,
    pub degrade_reason: Option<Degraded>,
    pub exploration: Option<Exploration>,
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
    #[serde(serialize_with = "shown")]
    reason: Reason,
}

fn shown<S: serde::Serializer>(reason: &impl std::fmt::Display, into: S) -> Result<S::Ok, S::Error> {
    into.collect_str(reason)
}

impl<'a> Asked<'a> {
    pub fn new(state: &'a Shared, endpoint: Endpoint) -> Self {
        Self { state, endpoint, at: Instant::now() }
    }

    /// The finished list for a key: from the cache or computed now. Where the server is late, one that is made the
    /// short way has to do, or the list that all get on this page for a visitor who is not known.
    pub fn list(
        &self,
        in_force: &InForce,
        chosen: &Chosen<'_>,
        key: &Key,
        said: &mut Said,
    ) -> Result<Arc<Finished>, ApiError> {
        let (state, loaded) = (self.state, chosen.loaded);
        let is_cached = !key.list.is_personal();
        if is_cached && let Some(finished) = loaded.cache.get(key) {
            state.metrics.cache_hit();
            return Ok(finished);
        }
        let effort = if state.lag.is_above(state.config.serve.budget) { Effort::Short } else { Effort::Full };
        if effort == Effort::Short {
            said.degrade_reason.get_or_insert(Degraded::OverBudget);
            // the list that all share may hold what a known user bought
            if let List::Detail { page, user: None, top_n, .. } = key.list {
                let list = List::Similar { page, top_n };
                if let Some(finished) = loaded.cache.get(&Key { list, ..key.clone() }) {
                    state.metrics.cache_hit();
                    return Ok(finished);
                }
            }
        }
        let started = Instant::now();
        let runners_up = if self.exploration(in_force, key.arm) > 0.0 { exploration::RUNNERS_UP } else { 0 };
        let policy = &loaded.policies[key.arm as usize];
        let (list, candidates) = compute(&loaded.model, &key.list, policy, &state.views.rankings(), runners_up, effort);
        let finished = finish(&loaded.model, list, key.list.top_n(), key.language).map_err(|_| ApiError::Internal)?;
        for entry in finished.list.iter().take(finished.count) {
            loaded.mark_shown(entry.item);
        }
        let finished = Arc::new(finished);
        state.metrics.cache_miss(started.elapsed().as_secs_f64(), candidates);
        if is_cached && effort == Effort::Full {
            loaded.cache.insert(key.clone(), finished.clone());
        }
        Ok(finished)
    }

    /// The share of lists in which something is tried.
    fn exploration(&self, in_force: &InForce, arm: u16) -> f64 {
        in_force.arm(arm).exploration.unwrap_or(self.state.config.lists.exploration)
    }

    /// What may be tried in a list and, now and then, a list in which it is: the answer is another one than the cached.
    pub fn explore(
        &self,
        in_force: &InForce,
        chosen: &Chosen<'_>,
        finished: Arc<Finished>,
        language: Language,
        said: &mut Said,
    ) -> Result<Arc<Finished>, ApiError> {
        let rate = self.exploration(in_force, chosen.arm);
        let runners_up = finished.list.len() - finished.count;
        if rate <= 0.0 || runners_up == 0 {
            return Ok(finished);
        }
        let Propensity { kept, explored } = exploration::propensity(rate, finished.count, runners_up);
        if rand::random::<f64>() >= rate {
            said.exploration = Some(Exploration { place: None, kept, explored });
            return Ok(finished);
        }
        let mut list = finished.list.clone();
        let place = exploration::swap(&mut list, finished.count, rand::random(), rand::random());
        list.truncate(finished.count);
        let tried = finish(&chosen.loaded.model, list, finished.count, language).map_err(|_| ApiError::Internal)?;
        said.exploration = Some(Exploration { place, kept, explored });
        Ok(Arc::new(tried))
    }

    /// Logs the exposure, then renders the answer.
    pub async fn answer(
        &self,
        in_force: &Arc<InForce>,
        chosen: &Chosen<'_>,
        key: &Key,
        finished: &Finished,
        said: Said,
        render: impl FnOnce(About<'_>, &RawValue) -> serde_json::Result<Vec<u8>>,
    ) -> Result<Vec<u8>, ApiError> {
        let now = Utc::now();
        let request_id = format!("req_{:020x}", rand::random::<u128>() >> 48);
        let context = self.context(in_force, chosen, said);
        let line = line(&request_id, now, context, said, chosen.loaded.version(), &finished.logged_items)?;
        if self.state.log.append(&line).await.is_err() {
            // the page comes first: the log has said why, once
            self.state.metrics.error("exposure_log", self.endpoint.name());
        }
        if let Some(page) = said.page_id.filter(|_| said.degrade_reason != Some(Degraded::UnknownDataset)) {
            self.state.views.add(page, now);
        }
        let about = About {
            request_id: &request_id,
            algorithm_version: chosen.loaded.version(),
            variant: context.variant,
            experiment_variant: context.experiment_variant,
            request_context: context,
        };
        let body = render(about, &finished.items).map_err(|_| ApiError::Internal)?;
        let labels = [context.variant, context.experiment_variant, context.degrade_reason.unwrap_or("none")];
        let level = said.degrade_reason.map(Degraded::level);
        self.state.metrics.answered(self.endpoint, labels, level, finished.count, self.at.elapsed().as_secs_f64());
        if let Some(shadow) = &in_force.shadow
            && rand::random::<f64>() < shadow.share
            && let Some(list) = translate(&key.list, &chosen.loaded.model, &shadow.loaded.model)
        {
            tokio::spawn(shadowed(self.state.clone(), in_force.clone(), self.endpoint, list, request_id, said));
        }
        Ok(body)
    }

    fn context<'c>(&self, in_force: &'c InForce, chosen: &Chosen<'c>, said: Said) -> Context<'c> {
        let arm = in_force.arm(chosen.arm);
        Context {
            endpoint: self.endpoint.name(),
            variant: if said.degrade_reason.is_some() { "fallback" } else { "primary" },
            experiment: arm.experiment.as_deref(),
            experiment_variant: &arm.variant,
            model_role: chosen.role,
            degrade_reason: said.degrade_reason.map(Degraded::reason),
            model_run_id: chosen.loaded.version(),
            exploration: said.exploration,
        }
    }

    pub fn respond(&self, answer: Result<Vec<u8>, ApiError>) -> Response {
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

/// A list of one version as another numbers its items; `None` where there is nothing to compare.
fn translate(list: &List, from: &Model, to: &Model) -> Option<List> {
    let item = |item: u32| to.by_id.get(&from.item(item).dataset_id).copied();
    match list {
        List::Similar { page, top_n } => Some(List::Similar { page: page.and_then(item), top_n: *top_n }),
        List::Detail { page, user, recent, top_n } => Some(List::Detail {
            page: page.and_then(item),
            user: *user,
            recent: recent.iter().filter_map(|r| item(*r)).collect(),
            top_n: *top_n,
        }),
        List::Trending { .. } => None,
    }
}

/// Makes the list that the shadow version would have answered, and logs it beside the one that was shown, under the same
/// request id.
async fn shadowed(
    state: Shared,
    in_force: Arc<InForce>,
    endpoint: Endpoint,
    list: List,
    request_id: String,
    said: Said,
) {
    let Some(shadow) = &in_force.shadow else { return };
    let loaded = &shadow.loaded;
    let (made, _) = compute(&loaded.model, &list, &loaded.policies[0], &state.views.rankings(), 0, Effort::Full);
    let asked = Asked::new(&state, endpoint);
    let said = Said { exploration: None, ..said };
    let context = asked.context(&in_force, &Chosen { loaded, arm: 0, role: "shadow" }, said);
    let logged = finish(&loaded.model, made, list.top_n(), Language::English)
        .map_err(|_| ApiError::Internal)
        .and_then(|made| line(&request_id, Utc::now(), context, said, loaded.version(), &made.logged_items));
    let written = match logged {
        Ok(line) => state.shadow_log.append(&line).await.is_ok(),
        Err(_) => false,
    };
    if !written {
        state.metrics.error("shadow_log", endpoint.name());
    }
}

/// A line of the log, without its end.
fn line(
    request_id: &str,
    at: chrono::DateTime<Utc>,
    context: Context<'_>,
    said: Said,
    version: &str,
    items: &RawValue,
) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(&Exposure {
        request_id,
        user_id: said.user_id,
        page_id: said.page_id,
        algorithm_version: version,
        timestamp: at.to_rfc3339_opts(SecondsFormat::Millis, false),
        items,
        context,
    })
    .map_err(|_| ApiError::Internal)
}

/// A list, and how many candidates it was chosen from. That of `/recommend/detail` has `runners_up` more that just missed it.
fn compute(
    model: &Model,
    list: &List,
    policy: &Policy,
    views: &Rankings,
    runners_up: usize,
    effort: Effort,
) -> (Vec<Recommended>, usize) {
    match list {
        List::Similar { page, top_n } => {
            recommend::recommend(model, &Request { page: *page, top_n: *top_n, ..Request::default() }, policy, effort)
        }
        List::Detail { page, user, recent, top_n } => {
            let user = user.and_then(|id| model.parts.users.get(&id));
            recommend::recommend(
                model,
                &Request { page: *page, user, recent, top_n: *top_n, runners_up },
                policy,
                effort,
            )
        }
        List::Trending { timeframe, limit, .. } => {
            let views = views.of(timeframe);
            let candidates = model.parts.trending.get(*timeframe).map_or(0, Vec::len) + views.len();
            (recommend::trending(model, timeframe, views, *limit, policy), candidates)
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
                reason: Words { reason: &entry.reason, language },
            }
        })
        .collect();
    let logged: Vec<LoggedItem> = shown
        .iter()
        .map(|entry| LoggedItem {
            dataset_id: model.item(entry.item).dataset_id,
            score: entry.score,
            reason: entry.reason,
        })
        .collect();
    Ok(Finished { items: to_raw_value(&items)?, logged_items: to_raw_value(&logged)?, count: shown.len(), list })
}

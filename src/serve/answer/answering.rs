//! From a request to its answer.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};

use super::compute::compute;
use super::envelope::Envelope;
use super::outcome::{Asker, DegradeReason, Outcome};
use super::query::{ListQuery, Target};
use super::shadow::{shadow, translate};
use crate::common::about::{self, Part};
use crate::common::ids::IdFormat;
use crate::exposures::{Context, Exploration};
use crate::recommend::exploration::{Chances, RUNNERS_UP, Rates, Tried, without_new};
use crate::recommend::{Effort, Policy, Recommended, Request};
use crate::serve::deployment::{Assignment, Deployment};
use crate::serve::http::request_id::REQUEST_ID;
use crate::serve::http::{ApiError, Purpose};
use crate::serve::lists::{List, ListKey, RenderedList};
use crate::serve::metrics::{Answered, Candidates, ModelType};
use crate::serve::state::Shared;

/// How many earlier pages are read of `recent`.
const RECENT_READ: usize = 20;

/// The headers of every list: JSON, new for each request.
pub fn headers() -> [(HeaderName, &'static str); 2] {
    [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")]
}

/// A request for a list while it is answered.
pub struct Answering<'a> {
    state: &'a Shared,
    at: Instant,
    target: &'a Target,
    deployment: &'a Arc<Deployment>,
    assignment: Assignment<'a>,
    key: ListKey,
    outcome: Outcome,
}

impl<'a> Answering<'a> {
    /// Assigns a request to a version and says what it asks in that version's numbers.
    pub fn new(
        state: &'a Shared,
        at: Instant,
        query: &'a ListQuery,
        asker: Asker,
        deployment: &'a Arc<Deployment>,
    ) -> Self {
        let target = &query.target;
        let client = &asker.client;
        let assignment = deployment.assign(target.endpoint(), target.visitor(), client);
        let (list, degrade_reason) = resolve(state, &assignment, query, asker.purpose);
        let key = ListKey {
            version: assignment.version.id,
            list,
            language: query.language,
            variant: assignment.variant_index,
            audience: assignment.version.audiences.of(client.source.as_deref(), client.device),
        };
        let outcome = Outcome::of(target, asker, degrade_reason);
        Self { state, at, target, deployment, assignment, key, outcome }
    }

    /// Finds or makes the list, logs the exposure, then renders the answer.
    ///
    /// # Errors
    /// Only what nobody expects: JSON that cannot be written.
    pub async fn answer(mut self, request_id: String) -> Result<Response, ApiError> {
        let began = Instant::now();
        let list = self.list()?;
        let made = Instant::now();
        about::took(Part::List, made - began);
        let context = self.outcome.context(&self.assignment);
        let is_test = self.outcome.purpose == Purpose::Test;
        if !is_test {
            self.log(&request_id, &context, &list).await?;
            about::took(Part::ExposureLog, made.elapsed());
        }
        // who is taken out is nobody's business but the log's
        let context = Context { excluded: &[], ..context };
        let envelope = Envelope {
            request_id: &request_id,
            algorithm_version: context.model_run_id,
            variant: context.variant,
            experiment_variant: context.experiment_variant,
            request_context: context,
        };
        let body = envelope.around(&list.items, self.target, self.ids())?;
        let mut response = (headers(), body).into_response();
        response.headers_mut().insert(REQUEST_ID.clone(), HeaderValue::try_from(&request_id).context("an id")?);
        if !is_test {
            self.count(&list);
            self.shadow(request_id);
        }
        Ok(response)
    }

    /// Logs the exposure, and who looks at the page.
    async fn log(&self, request_id: &str, context: &Context<'_>, list: &RenderedList) -> Result<(), ApiError> {
        let now = Utc::now();
        let line = self.outcome.line(request_id, now, context, &list.logged_items, self.ids())?;
        if self.state.log.append(&line).await.is_err() {
            // the page comes first: the log has said why, once
            self.state.metrics.error("exposure_log", context.endpoint);
        }
        let is_unknown = self.outcome.degrade_reason == Some(DegradeReason::UnknownDataset);
        if let Some(page) = self.outcome.page_id.filter(|_| !is_unknown && self.is_view(now)) {
            self.state.views.add(page, Some(self.outcome.visitor), now);
        }
        Ok(())
    }

    /// Whether a visitor looks at the list who counts.
    fn is_view(&self, now: DateTime<Utc>) -> bool {
        let outcome = &self.outcome;
        outcome.purpose == Purpose::View
            && !self.state.exclusions.now().take_out(&outcome.asked(now), &outcome.excluded)
    }

    fn ids(&self) -> IdFormat {
        self.state.config.serve.id_format
    }

    /// The rendered list: from the cache or made now. Where the server is late, one that is made the short way has to do, or
    /// the list that all get on this page for a visitor who is not known.
    fn list(&mut self) -> Result<Arc<RenderedList>, ApiError> {
        // what somebody tries is made anew, and changes nothing for others
        let is_test = self.outcome.purpose == Purpose::Test;
        let is_cached = !self.key.list.is_personal() && !is_test;
        if is_cached && let Some(list) = self.cached(&self.key) {
            return self.explored(list);
        }
        let is_late = self.state.lag.is_above(self.state.config.serve.budget);
        let effort = if is_late { Effort::Short } else { Effort::Full };
        if is_late {
            self.outcome.degrade_reason.get_or_insert(DegradeReason::OverBudget);
            let shared = self.key.list.shared().map(|list| ListKey { list, ..self.key.clone() });
            if let Some(list) = shared.and_then(|key| self.cached(&key)) {
                return self.explored(list);
            }
        }
        let started = Instant::now();
        let (list, candidates) = self.compute(effort);
        // nobody else gets a personal list: it is rendered once, with what is tried in it
        let list = if is_cached { list } else { self.explore(&list).unwrap_or(list) };
        let rendered = Arc::new(self.render(list)?);
        if !is_test {
            self.state.metrics.made(self.model_type(effort), candidates, started.elapsed().as_secs_f64());
        }
        if !is_cached {
            return Ok(rendered);
        }
        if effort == Effort::Full {
            self.state.cache.insert(self.key.clone(), rendered.clone());
        }
        self.explored(rendered)
    }

    fn cached(&self, key: &ListKey) -> Option<Arc<RenderedList>> {
        let found = self.state.cache.get(key);
        self.state.metrics.looked_up(found.is_some());
        found
    }

    /// What orders a list that is made now.
    fn model_type(&self, effort: Effort) -> ModelType {
        let has_ranker = self.assignment.version.model.parts.ranker.is_some();
        match (&self.key.list, effort) {
            (List::Trending { .. }, _) => ModelType::Trending,
            (_, Effort::Full) if has_ranker => ModelType::Ranker,
            _ => ModelType::Prior,
        }
    }

    /// Makes the list, and after it the runners-up that may come into it; and what it was chosen from.
    fn compute(&self, effort: Effort) -> (Vec<Recommended>, Candidates) {
        let version = self.assignment.version;
        let rates = self.rates();
        let runners_up = if rates.runner_up > 0.0 { RUNNERS_UP } else { 0 };
        let rankings = self.state.views.rankings();
        let (mut list, candidates) =
            compute(&version.model, &self.key.list, self.policy(), &rankings, runners_up, effort);
        if let List::Detail { page, top_n, .. } = self.key.list
            && rates.new > 0.0
        {
            without_new(&version.model, page, top_n, &mut list);
        }
        if self.outcome.purpose != Purpose::Test {
            list.iter().take(self.key.list.top_n()).for_each(|entry| version.mark_shown(entry.item));
        }
        (list, candidates)
    }

    fn render(&self, list: Vec<Recommended>) -> serde_json::Result<RenderedList> {
        RenderedList::new(&self.assignment.version.model, list, self.key.list.top_n(), self.key.language, self.ids())
    }

    fn policy(&self) -> &'a Policy {
        self.assignment.version.policy(self.assignment.variant_index, self.key.audience)
    }

    /// The shares of lists in which something is tried.
    fn rates(&self) -> Rates {
        let (variant, lists) = (self.assignment.variant, &self.state.config.lists);
        Rates {
            runner_up: variant.exploration.unwrap_or(lists.exploration),
            new: variant.new_exploration.unwrap_or(lists.new_exploration),
        }
    }

    /// A rendered list or, now and then, another one in which something is tried.
    fn explored(&mut self, list: Arc<RenderedList>) -> Result<Arc<RenderedList>, ApiError> {
        match self.explore(&list.ranked) {
            Some(tried) => Ok(Arc::new(self.render(tried)?)),
            None => Ok(list),
        }
    }

    /// Notes what may be tried in a list; now and then returns one in which it is.
    fn explore(&mut self, list: &[Recommended]) -> Option<Vec<Recommended>> {
        let (rates, model) = (self.rates(), &self.assignment.version.model);
        let List::Detail { page, user, recent, top_n } = &self.key.list else { return None };
        if !rates.any() {
            return None;
        }
        let user = user.and_then(|id| model.parts.users.get(&id));
        let request = Request { page: *page, user, recent, top_n: *top_n, runners_up: 0 };
        let chances = Chances::of(rates, model, &request, self.policy(), list);
        let (kept, new) = (chances.kept(), Some(chances.given_to_new()).filter(|given| *given > 0.0));
        if kept >= 1.0 {
            return None;
        }
        let tried = chances.draw(rand::random());
        let placed = tried.and_then(|tried| chances.place(tried, rand::random(), model, &request, list));
        let (list, place) = placed.unzip();
        // where nothing is tried, what a runner-up's would have been
        let tried = tried.filter(|_| place.is_some()).unwrap_or(Tried::RunnerUp(0));
        let (explored, is_new) = (chances.explored(tried), new.map(|_| matches!(tried, Tried::New(_))));
        self.outcome.exploration = Some(Exploration { place, kept, explored, new, is_new });
        list
    }

    fn count(&self, list: &RenderedList) {
        let context = self.outcome.context(&self.assignment);
        self.state.metrics.answered(&Answered {
            endpoint: self.outcome.endpoint,
            variant: context.variant,
            experiment_variant: context.experiment_variant,
            degraded: self.outcome.degrade_reason,
            items: list.count,
            is_view: self.is_view(Utc::now()),
            seconds: self.at.elapsed().as_secs_f64(),
        });
    }

    /// Has the shadow version make its list too, in its share of the requests.
    fn shadow(&self, request_id: String) {
        if let Some(beside) = &self.deployment.shadow
            && rand::random::<f64>() < beside.share
            && let Some(list) = translate(&self.key.list, &self.assignment.version.model, &beside.version.model)
        {
            let id = request_id.clone();
            let listed = shadow(self.state.clone(), self.deployment.clone(), list, request_id, self.outcome.clone());
            tokio::spawn(about::answering(id, None, listed));
        }
    }
}

/// What a query asks, in the numbers of the version that answers, and what that version does not know of it.
fn resolve(
    state: &Shared,
    assignment: &Assignment<'_>,
    query: &ListQuery,
    purpose: Purpose,
) -> (List, Option<DegradeReason>) {
    let (model, top_n) = (&assignment.version.model, query.top_n);
    let item = |id: &i64| model.by_id.get(id).copied();
    let pages = |ids: &[i64]| ids.iter().filter_map(item).take(RECENT_READ).collect();
    let known = |user: &Option<i64>| {
        let known = user.filter(|user| model.parts.users.contains_key(user));
        if let (Some(user), true, Ok(mut users)) = (known, purpose != Purpose::Test, state.users.lock()) {
            users.insert(user);
        }
        known
    };
    let is_unknown = |user: &Option<i64>, known: Option<i64>| {
        known.is_none() && user.is_some_and(|user| !assignment.version.may_be_new(user))
    };
    match &query.target {
        Target::Similar { dataset_id, .. } => {
            let page = item(dataset_id);
            (List::Similar { page, top_n }, page.is_none().then_some(DegradeReason::UnknownDataset))
        }
        Target::Detail { dataset_id, user_id, recent, .. } => {
            let (page, known) = (item(dataset_id), known(user_id));
            let degrade_reason = match page {
                None => Some(DegradeReason::UnknownDataset),
                Some(_) => is_unknown(user_id, known).then_some(DegradeReason::UnknownUser),
            };
            (List::Detail { page, user: known, recent: pages(recent), top_n }, degrade_reason)
        }
        Target::Person { user_id, recent, .. } => {
            let known = known(user_id);
            let degrade_reason = is_unknown(user_id, known).then_some(DegradeReason::UnknownUser);
            (List::Person { user: known, recent: pages(recent), top_n }, degrade_reason)
        }
        Target::Trending { timeframe } => {
            (List::Trending { timeframe, top_n, tick: state.views.rankings().tick }, None)
        }
    }
}

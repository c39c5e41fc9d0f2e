//! From a request to a list: candidates of every channel, their features, the learned order, variety, the rules that have
//! the last word, a reason for each.
//!
//! No I/O and no waiting: everything is in the model.

pub mod channels;
mod diversity;
pub mod exploration;
pub mod features;
pub mod pool;
mod reasons;
pub mod rules;

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use anyhow::{Result, ensure};

use crate::model::{CANDIDATES, History, Model, Ranked, Ranker};
pub use pool::Pool;
pub use reasons::{Language, Reason, Words};
use rules::InForce;

/// Who asks, on which page.
#[derive(Clone, Copy, Debug, Default)]
pub struct Request<'a> {
    /// The page's dataset; `None` where nobody has heard of it.
    pub page: Option<u32>,
    /// The known user, where there is one.
    pub user: Option<&'a History>,
    /// What the visitor looked at before, newest first.
    pub recent: &'a [u32],
    pub top_n: usize,
    /// How many more that just missed the list, in the learned order.
    pub behind: usize,
}

/// How many candidates the ranker orders for a list of usual length: three rounds of its lanes. Of the pages visitors went on
/// to (the world of docs/quality.md) it brings as many among the first ten and twenty as with all candidates.
const RANKED: usize = 64;

impl Request<'_> {
    fn length(&self) -> usize {
        self.top_n + self.behind
    }

    /// How many candidates, the first by the prior, the ranker orders: more for longer lists.
    pub fn ranked(&self) -> usize {
        RANKED.max(2 * self.length()).min(CANDIDATES)
    }
}

/// What is done with candidates once they are ordered.
#[derive(Clone, Debug)]
pub struct Policy {
    /// How much of its log-odds a candidate loses for being wholly like one above it (MMR).
    pub variety: f32,
    /// The most datasets of one provider among the first ten; 0 for no limit.
    pub per_provider: usize,
    pub rules: Arc<InForce>,
    /// What each channel counts beside what was learned.
    pub weights: channels::Weights,
}

impl Default for Policy {
    fn default() -> Self {
        Self { variety: 0.0, per_provider: 0, rules: Arc::default(), weights: channels::AS_LEARNED }
    }
}

/// How much work a list may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    Full,
    /// Without the ranker and without variety: the hand-made order.
    Short,
}

/// One entry of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommended {
    /// Index into the model's items.
    pub item: u32,
    /// How likely it is to be chosen, where a ranker could be learned; else a mere order.
    pub score: f32,
    pub reason: Reason,
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

/// The list for a request, and from how many candidates it was chosen. A longer list begins with the shorter one.
pub fn recommend(model: &Model, request: &Request<'_>, policy: &Policy, effort: Effort) -> (Vec<Recommended>, usize) {
    POOL.with_borrow_mut(|pool| {
        let candidates = pool::gather(model, request, &policy.weights, request.ranked(), pool);
        if effort == Effort::Short {
            let policy = Policy { variety: 0.0, ..policy.clone() };
            return (arrange(model, request, &policy, pool, &mut prior(pool)), candidates);
        }
        let mut scores = score(model.parts.ranker.as_ref(), pool);
        channels::steer(&policy.weights, pool, &mut scores);
        let list = arrange(model, request, policy, pool, &mut scores);
        (list, candidates)
    })
}

/// Each candidate's log-odds of being chosen; the logarithm of the prior where no ranker could be learned.
pub fn score(ranker: Option<&Ranker>, pool: &Pool) -> [f32; CANDIDATES] {
    let Some(ranker) = ranker else { return prior(pool) };
    let mut scores = [0.0; CANDIDATES];
    ranker.score(&pool.columns, pool.items.len(), &mut scores);
    scores
}

/// The logarithm of the prior: the order where nothing could be learned.
pub fn prior(pool: &Pool) -> [f32; CANDIDATES] {
    pool.columns.column(features::PRIOR).map(|prior| prior.max(1e-6).ln())
}

/// From scored candidates to the list: rules, variety, and what fills it up where candidates are few.
pub fn arrange(
    model: &Model,
    request: &Request<'_>,
    policy: &Policy,
    pool: &Pool,
    scores: &mut [f32; CANDIDATES],
) -> Vec<Recommended> {
    let rules = policy.rules.on(request.page);
    rules.weigh(&pool.items, scores);
    let mut order: Vec<u16> =
        (0..pool.items.len() as u16).filter(|i| !rules.is_never(pool.items[*i as usize])).collect();
    order.sort_unstable_by(|a, b| {
        let (a, b) = (*a as usize, *b as usize);
        scores[b].total_cmp(&scores[a]).then(pool.items[a].cmp(&pool.items[b]))
    });
    diversity::spread(model, policy, pool, scores, &mut order, request.top_n);
    let mut list: Vec<Recommended> = Vec::with_capacity(request.length());
    for candidate in order.into_iter().take(request.length()).map(usize::from) {
        let log_odds = scores[candidate];
        let score = if model.parts.ranker.is_some() { 1.0 / (1.0 + (-log_odds).exp()) } else { log_odds.exp() };
        list.push(Recommended { item: pool.items[candidate], score, reason: reasons::of(pool, candidate) });
    }
    if list.len() < request.length() {
        let bought = request.user.iter().flat_map(|user| user.bought.iter().copied());
        let mut taken: HashSet<u32> = request.page.into_iter().chain(bought).collect();
        taken.extend(list.iter().map(|entry| entry.item));
        taken.extend(rules.nevers());
        fill(model, &mut list, &mut taken, request.length());
    }
    rules.pin(model, &mut list, request);
    // what variety, a limit or a rule moved up stands there with the score of its place
    let mut least = f32::INFINITY;
    for entry in &mut list {
        least = least.min(entry.score);
        entry.score = least;
    }
    list
}

/// Asks a version for lists as visitors would, before it answers any: full ones, of listed datasets, each once, with a score.
pub fn smoke(model: &Model) -> Result<()> {
    let listed = model.parts.items.iter().filter(|item| item.is_listed).count();
    ensure!(listed > 0, "it lists no dataset, so that every list would be empty");
    let first = model.parts.items.iter().position(|item| item.is_listed).map(|item| item as u32);
    let popular = model.parts.popular.first().map(|ranked| ranked.item);
    let policy = Policy::default();
    for page in [None, first, popular] {
        let recent: Vec<u32> = first.into_iter().chain(popular).collect();
        for recent in [&[][..], &recent] {
            let request = Request { page, recent, top_n: SMOKED, ..Request::default() };
            let (list, _) = recommend(model, &request, &policy, Effort::Full);
            let is_own = page.is_some_and(|page| model.item(page).is_listed);
            has_kept_its_rules(model, &list, page, listed - usize::from(is_own))?;
        }
    }
    has_kept_its_rules(model, &trending(model, "24h", &[], SMOKED, &policy), None, listed)
}

/// How long the lists are that a version is asked for.
const SMOKED: usize = 10;

fn has_kept_its_rules(model: &Model, list: &[Recommended], page: Option<u32>, there_are: usize) -> Result<()> {
    let due = SMOKED.min(there_are);
    ensure!(list.len() == due, "a list has {} datasets where {due} were due", list.len());
    let items: HashSet<u32> = list.iter().map(|entry| entry.item).collect();
    let is_kept =
        |entry: &Recommended| Some(entry.item) != page && model.item(entry.item).is_listed && entry.score.is_finite();
    ensure!(items.len() == due && list.iter().all(is_kept), "a list breaks its rules");
    Ok(())
}

/// The list of `/hot/trending`: what is viewed most in a timeframe, then in longer ones, then at all. `views` are the
/// datasets that the server itself saw looked at in that time, most viewed first; they come before what the model knows.
pub fn trending(
    model: &Model,
    timeframe: &str,
    views: &[(i64, u32)],
    limit: usize,
    policy: &Policy,
) -> Vec<Recommended> {
    const LONGER: [&str; 4] = ["1h", "24h", "7d", "30d"];
    let from = LONGER.iter().position(|t| *t == timeframe).unwrap_or(0);
    let mut list = Vec::with_capacity(limit);
    let mut taken: HashSet<u32> = policy.rules.on(None).nevers().collect();
    let seen = views.iter().filter_map(|(id, views)| Some((*model.by_id.get(id)?, *views)));
    let seen: Vec<Ranked> = seen.map(|(item, views)| Ranked { item, score: views as f32, views }).collect();
    push_ranked(model, &seen, &mut list, &mut taken, limit, |r| Reason::Trending { views: r.views });
    for timeframe in &LONGER[from..] {
        let ranked = model.parts.trending.get(*timeframe).map(Vec::as_slice).unwrap_or_default();
        push_ranked(model, ranked, &mut list, &mut taken, limit, |r| Reason::Trending { views: r.views });
    }
    fill(model, &mut list, &mut taken, limit);
    list
}

/// The listed datasets nearest to the mean of what was viewed, in the space of texts, without those.
pub fn taste(model: &Model, viewed: &[u32], count: usize) -> Vec<u32> {
    let mean = model.index.vectors().direction(viewed.iter().map(|item| (*item, 1.0)));
    if mean.row().is_empty() {
        return Vec::new();
    }
    let near = model.index.nearest(mean.row(), count + viewed.len());
    let fits = |item: &u32| model.item(*item).is_listed && !viewed.contains(item);
    near.into_iter().map(|(item, _)| item).filter(fits).take(count).collect()
}

/// Fills a list up from the popular ones, then from the whole catalogue, so that it is as long as was asked for
/// wherever there are so many datasets.
fn fill(model: &Model, list: &mut Vec<Recommended>, taken: &mut HashSet<u32>, top_n: usize) {
    push_ranked(model, &model.parts.popular, list, taken, top_n, |r| Reason::Popular { views: r.views });
    if list.len() < top_n {
        let items = 0..model.parts.items.len() as u32;
        let rest: Vec<Ranked> = items.map(|item| Ranked { item, score: 0.0, views: model.item(item).views }).collect();
        push_ranked(model, &rest, list, taken, top_n, |r| Reason::Popular { views: r.views });
    }
}

fn push_ranked(
    model: &Model,
    ranked: &[Ranked],
    list: &mut Vec<Recommended>,
    taken: &mut HashSet<u32>,
    top_n: usize,
    reason: impl Fn(&Ranked) -> Reason,
) {
    // a filler stands below every candidate, whatever scale its own score has
    let ceiling = list.last().map_or(1.0, |last| last.score.min(1.0));
    let best = ranked.first().map_or(1.0, |r| r.score.max(f32::MIN_POSITIVE));
    for entry in ranked {
        if list.len() >= top_n {
            return;
        }
        if model.item(entry.item).is_listed && taken.insert(entry.item) {
            let score = ceiling * (entry.score / best).clamp(0.0, 1.0) * 0.5;
            list.push(Recommended { item: entry.item, score, reason: reason(entry) });
        }
    }
}

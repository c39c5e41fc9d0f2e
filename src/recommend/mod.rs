//! From a request to a list: candidates, their order, the rules that have the last word, the reason for each.
//!
//! No I/O and no waiting: everything is in the model.

use std::collections::{HashMap, HashSet};

use crate::index::dot;
use crate::model::{History, Model, Ranked};

/// Who asks, on which page.
#[derive(Debug, Default)]
pub struct Request<'a> {
    /// The page's dataset; `None` where nobody has heard of it.
    pub page: Option<u32>,
    /// The known user, where there is one.
    pub user: Option<&'a History>,
    /// What the visitor looked at before, newest first.
    pub recent: &'a [u32],
    pub top_n: usize,
}

/// Why a dataset is in a list, with the figures that decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// Visitors of the page also looked at it.
    Behaviour { visits: u32, content: f32 },
    /// Its text is like the page's.
    Content { similarity: f32 },
    /// It goes with what the visitor looked at before.
    Trail { similarity: f32 },
    /// Many look at it.
    Popular { views: u32 },
    /// Many look at it now.
    Trending { views: u32 },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Behaviour { visits: 0, content } => {
                write!(f, "behaviour: bought together, text similarity {content:.2}")
            }
            Self::Behaviour { visits, content } => {
                let s = if *visits == 1 { "" } else { "s" };
                write!(f, "behaviour: viewed together in {visits} visit{s}, text similarity {content:.2}")
            }
            Self::Content { similarity } => write!(f, "content: text similarity {similarity:.2}"),
            Self::Trail { similarity } => write!(f, "trail: goes with pages viewed before, {similarity:.2}"),
            Self::Popular { views } => write!(f, "popular: {views} views"),
            Self::Trending { views } => write!(f, "trending: {views} views"),
        }
    }
}

/// One entry of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommended {
    /// Index into the model's items.
    pub item: u32,
    pub score: f32,
    pub reason: Reason,
}

/// How much a page viewed before counts beside the page itself: the newest this much, each older one half of it again.
const TRAIL_WEIGHT: f32 = 0.5;

/// How many pages of the trail count.
const TRAIL_LENGTH: usize = 5;

/// How much likeness to the trail as a whole counts.
const TASTE_WEIGHT: f32 = 0.02;

/// The list of `/similar`: the same for everyone.
pub fn similar(model: &Model, page: Option<u32>, top_n: usize) -> Vec<Recommended> {
    let mut list = Vec::with_capacity(top_n);
    let mut taken: HashSet<u32> = page.into_iter().collect();
    for neighbour in page.map(|p| model.neighbours[p as usize].as_slice()).unwrap_or_default() {
        if list.len() == top_n {
            break;
        }
        taken.insert(neighbour.item);
        list.push(Recommended {
            item: neighbour.item,
            score: neighbour.score,
            reason: if neighbour.behaviour > 0.0 {
                Reason::Behaviour { visits: neighbour.visits, content: neighbour.content }
            } else {
                Reason::Content { similarity: neighbour.content }
            },
        });
    }
    fill(model, &mut list, &mut taken, top_n);
    list
}

/// The list of `/recommend/detail`: the page's neighbours, moved by what this visitor did before, without what the user
/// already bought.
pub fn detail(model: &Model, request: &Request<'_>) -> Vec<Recommended> {
    let viewed = request.user.map(|u| u.viewed.as_slice()).unwrap_or_default();
    let trail: Vec<u32> = request.recent.iter().chain(viewed).copied().filter(|item| Some(*item) != request.page).fold(
        Vec::new(),
        |mut trail, item| {
            if trail.len() < TRAIL_LENGTH && !trail.contains(&item) {
                trail.push(item);
            }
            trail
        },
    );
    let bought = request.user.map(|u| u.bought.as_slice()).unwrap_or_default();
    if trail.is_empty() && bought.is_empty() {
        return similar(model, request.page, request.top_n);
    }
    let mut taken: HashSet<u32> = request.page.into_iter().chain(bought.iter().copied()).collect();

    let mut scored: HashMap<u32, Recommended> = HashMap::new();
    let sources = request
        .page
        .map(|page| (page, 1.0))
        .into_iter()
        .chain(trail.iter().enumerate().map(|(age, item)| (*item, TRAIL_WEIGHT * 0.5_f32.powi(age as i32))));
    for (source, weight) in sources {
        let from_page = Some(source) == request.page;
        for neighbour in model.neighbours[source as usize].iter().filter(|n| !taken.contains(&n.item)) {
            let reason = match (from_page, neighbour.behaviour > 0.0) {
                (true, true) => Reason::Behaviour { visits: neighbour.visits, content: neighbour.content },
                (true, false) => Reason::Content { similarity: neighbour.content },
                (false, _) => Reason::Trail { similarity: neighbour.content },
            };
            let entry =
                scored.entry(neighbour.item).or_insert(Recommended { item: neighbour.item, score: 0.0, reason });
            entry.score += weight * neighbour.score;
        }
    }
    if let Some(taste) = taste(model, request.page, &trail) {
        for (item, similarity) in model.index.nearest(&taste, request.top_n + taken.len() + 50) {
            if similarity > 0.0 && model.item(item).is_listed && !taken.contains(&item) {
                let reason = Reason::Trail { similarity };
                let entry = scored.entry(item).or_insert(Recommended { item, score: 0.0, reason });
                entry.score += TASTE_WEIGHT * similarity;
            }
        }
    }
    let mut list: Vec<Recommended> = scored.into_values().collect();
    list.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
    list.truncate(request.top_n);
    taken.extend(list.iter().map(|entry| entry.item));
    fill(model, &mut list, &mut taken, request.top_n);
    list
}

/// The mean direction of the page and the trail in the space of texts.
fn taste(model: &Model, page: Option<u32>, trail: &[u32]) -> Option<Vec<f32>> {
    let vectors = model.index.vectors();
    let mut sum = vec![0.0; vectors.dimensions()];
    for item in page.iter().chain(trail) {
        for (total, value) in sum.iter_mut().zip(vectors.row(*item as usize)) {
            *total += value;
        }
    }
    let length = dot(&sum, &sum).sqrt();
    (length > 1e-6).then(|| sum.iter().map(|v| v / length).collect())
}

/// The list of `/hot/trending`: what is viewed most in a timeframe, then in longer ones, then at all.
pub fn trending(model: &Model, timeframe: &str, limit: usize) -> Vec<Recommended> {
    const LONGER: [&str; 4] = ["1h", "24h", "7d", "30d"];
    let from = LONGER.iter().position(|t| *t == timeframe).unwrap_or(0);
    let mut list = Vec::with_capacity(limit);
    let mut taken = HashSet::new();
    for timeframe in &LONGER[from..] {
        let ranked = model.trending.get(*timeframe).map(Vec::as_slice).unwrap_or_default();
        push_ranked(model, ranked, &mut list, &mut taken, limit, |r| Reason::Trending { views: r.views });
    }
    fill(model, &mut list, &mut taken, limit);
    list
}

/// Fills a list up from the popular ones, then from the whole catalogue, so that it is as long as was asked for
/// wherever there are so many datasets.
fn fill(model: &Model, list: &mut Vec<Recommended>, taken: &mut HashSet<u32>, top_n: usize) {
    push_ranked(model, &model.popular, list, taken, top_n, |r| Reason::Popular { views: r.views });
    if list.len() < top_n {
        let rest = (0..model.items.len() as u32).map(|item| Ranked { item, score: 0.0, views: model.item(item).views });
        let rest: Vec<Ranked> = rest.collect();
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

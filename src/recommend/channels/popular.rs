//! What is viewed most: candidates for every list, the list of `/hot/trending`, and what fills up lists that are too short.

use std::collections::HashSet;

use super::super::{Policy, Reason, Recommended};
use crate::model::{Feature, Model, Ranked, TIMEFRAMES};

pub(super) const ORDER: &[(Feature, f32)] = &[(Feature::RecentPopularity, 1.0)];

/// How many of the popular list are candidates of every list.
const PROPOSED: usize = 20;

/// The first of the popular list.
pub(in crate::recommend) fn proposed(model: &Model) -> impl Iterator<Item = u32> {
    model.parts.popular.iter().take(PROPOSED).map(|ranked| ranked.item)
}

/// The list of `/hot/trending`: what is viewed most in a timeframe, then in longer ones, then at all. `views` are the
/// datasets that the server itself saw looked at in that time, with how many visitors, the most first; they come before what the model knows.
pub fn trending(
    model: &Model,
    timeframe: &str,
    views: &[(i64, u32)],
    limit: usize,
    policy: &Policy,
) -> Vec<Recommended> {
    let from = TIMEFRAMES.iter().position(|t| *t == timeframe).unwrap_or(0);
    let mut list = Vec::with_capacity(limit);
    let mut taken: HashSet<u32> = policy.rules.on(None).nevers().collect();
    let seen = views.iter().filter_map(|(id, views)| Some((*model.by_id.get(id)?, *views)));
    let seen: Vec<Ranked> = seen.map(|(item, views)| Ranked { item, score: views as f32, views }).collect();
    push_ranked(model, &seen, &mut list, &mut taken, limit, |r| Reason::Visited { visitors: r.views });
    for timeframe in &TIMEFRAMES[from..] {
        let ranked = model.parts.trending.get(*timeframe).map(Vec::as_slice).unwrap_or_default();
        push_ranked(model, ranked, &mut list, &mut taken, limit, |r| Reason::Trending { views: r.views });
    }
    fill(model, &mut list, &mut taken, limit);
    list
}

/// Fills a list up from the popular ones, then from the whole catalogue, so that it is as long as was asked for
/// wherever there are so many datasets.
pub(in crate::recommend) fn fill(model: &Model, list: &mut Vec<Recommended>, taken: &mut HashSet<u32>, length: usize) {
    push_ranked(model, &model.parts.popular, list, taken, length, |r| Reason::Popular { views: r.views });
    if list.len() < length {
        let items = 0..model.parts.items.len() as u32;
        let rest: Vec<Ranked> = items.map(|item| Ranked { item, score: 0.0, views: model.item(item).views }).collect();
        push_ranked(model, &rest, list, taken, length, |r| Reason::Popular { views: r.views });
    }
}

fn push_ranked(
    model: &Model,
    ranked: &[Ranked],
    list: &mut Vec<Recommended>,
    taken: &mut HashSet<u32>,
    length: usize,
    reason: impl Fn(&Ranked) -> Reason,
) {
    // a filler stands below every candidate, whatever scale its own score has
    let ceiling = list.last().map_or(1.0, |last| last.score.min(1.0));
    let best = ranked.first().map_or(1.0, |r| r.score.max(f32::MIN_POSITIVE));
    for entry in ranked {
        if list.len() >= length {
            return;
        }
        if model.item(entry.item).is_listed && taken.insert(entry.item) {
            // what is viewed more and stands behind, as not wanted there, has no higher score
            let above = list.last().map_or(1.0, |last| last.score);
            let score = (ceiling * (entry.score / best).clamp(0.0, 1.0) * 0.5).min(above);
            list.push(Recommended::alone(entry.item, score, reason(entry)));
        }
    }
}

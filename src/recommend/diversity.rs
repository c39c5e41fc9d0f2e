//! Diversity: a list that does not say one thing ten times.

use std::collections::HashMap;

use super::{Policy, Pool};
use crate::index::dot;
use crate::model::{CANDIDATES, Model};

/// How deep diversity looks: beyond this many candidates the learned order stays.
const DEPTH: usize = 40;

/// Among how many of the first a provider's limit is counted.
const LIMITED: usize = 10;

/// Brings the best candidates into a diverse order: each next one is the one whose log-odds, less its likeness to those
/// already chosen, is highest (maximal marginal relevance, Carbonell, Goldstein 1998), of a provider that may still come.
pub(super) fn diversify(
    model: &Model,
    policy: &Policy,
    pool: &Pool,
    scores: &[f32; CANDIDATES],
    order: &mut Vec<u16>,
    top_n: usize,
) {
    if policy.diversity <= 0.0 && policy.per_provider == 0 {
        return;
    }
    let vectors = model.index.vectors();
    let rest = order.split_off(order.len().min(DEPTH));
    let mut left = std::mem::take(order);
    let mut nearest = vec![0.0_f32; left.len()];
    let mut providers: HashMap<u32, usize> = HashMap::new();
    while !left.is_empty() && order.len() < top_n {
        let may_come = |candidate: u16| {
            let provider = model.facts[pool.items[candidate as usize] as usize].provider;
            policy.per_provider == 0
                || provider == 0
                || order.len() >= LIMITED
                || providers.get(&provider).copied().unwrap_or(0) < policy.per_provider
        };
        let worth = |at: usize| scores[left[at] as usize] - policy.diversity * nearest[at];
        // ties keep the learned order; where no provider may come any more, the limit gives way to a full list
        let best = (0..left.len())
            .filter(|at| may_come(left[*at]))
            .reduce(|best, at| if worth(at) > worth(best) { at } else { best })
            .unwrap_or(0);
        let chosen = left.remove(best);
        nearest.remove(best);
        let row = vectors.row(pool.items[chosen as usize] as usize);
        if policy.diversity > 0.0 {
            for (likeness, other) in nearest.iter_mut().zip(&left) {
                *likeness = likeness.max(dot(row, vectors.row(pool.items[*other as usize] as usize)));
            }
        }
        *providers.entry(model.facts[pool.items[chosen as usize] as usize].provider).or_default() += 1;
        order.push(chosen);
    }
    order.extend(left);
    order.extend(rest);
}

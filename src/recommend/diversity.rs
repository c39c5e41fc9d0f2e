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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::small;

    /// The order of all listed items, scored from the first to the last with so much between two.
    fn order(policy: &Policy, step: f32, top_n: usize) -> Vec<u16> {
        let pool = Pool { items: vec![0, 2, 1, 3, 4, 5], ..Pool::default() };
        let mut scores = [0.0; CANDIDATES];
        scores.iter_mut().enumerate().for_each(|(candidate, score)| *score = -(candidate as f32) * step);
        let mut order: Vec<u16> = (0..6).collect();
        diversify(&small(), policy, &pool, &scores, &mut order, top_n);
        order
    }

    #[test]
    fn what_is_like_the_first_moves_down() {
        let alike = Policy { diversity: 1.0, ..Policy::default() };
        // 0 and 2 have the same text, 4 and 5 none of its words
        assert_eq!(order(&alike, 0.01, 2)[..2], [0, 4]);
        assert_eq!(order(&alike, 10.0, 6), [0, 1, 2, 3, 4, 5]);
        assert_eq!(order(&Policy::default(), 0.01, 6), [0, 1, 2, 3, 4, 5]);
        // nothing is lost, and what comes after the list keeps its order
        assert_eq!(order(&alike, 0.01, 1), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_providers_limit_gives_way_to_a_full_list() {
        let one = Policy { per_provider: 1, ..Policy::default() };
        // of A the first, of B the first, the one without a provider, then the others in their order
        assert_eq!(order(&one, 1.0, 6), [0, 3, 5, 1, 2, 4]);
        assert_eq!(order(&one, 1.0, 2), [0, 3, 1, 2, 4, 5]);
    }
}

//! Weights of the old system's experiments. There a list was ordered by a sum of scores, each times its weight; here channels
//! move what was learned. What counts of an old weight is therefore how much it changes the sum: it divided by its default.

use std::collections::BTreeMap;

use crate::model::Channel;
use crate::recommend::channels::Sum;

/// The parts of the old sum: the parameter without `_weight`, what it counted by default, and the channel here that says it.
const PARTS: [(&str, f32, Option<Channel>); 8] = [
    ("behavior", 1.2, Some(Channel::Behaviour)),
    ("content", 1.0, Some(Channel::Content)),
    ("vector", 0.8, Some(Channel::Content)),
    ("popular", 0.02, Some(Channel::Popular)),
    ("tag", 0.4, Some(Channel::Content)),
    // there are no categories here; what they say is said by tags and providers
    ("category", 0.3, Some(Channel::Content)),
    // what a price says is left to the ranker
    ("price", 0.25, None),
    ("usercf", 0.6, Some(Channel::Taste)),
];

/// Weights that a file names, by their parts.
#[derive(Debug, Default)]
pub(super) struct OldWeights {
    named: BTreeMap<&'static str, f32>,
}

/// The part that a parameter weighs.
pub(super) fn part(parameter: &str) -> Option<&'static str> {
    let name = parameter.strip_suffix("_weight")?;
    PARTS.iter().map(|(part, ..)| *part).find(|part| *part == name)
}

/// Whether a part has no channel here.
pub(super) fn is_nobodys(part: &str) -> bool {
    PARTS.iter().any(|(name, _, channel)| *name == part && channel.is_none())
}

impl OldWeights {
    pub(super) fn set(&mut self, part: &'static str, weight: f32) {
        self.named.insert(part, weight);
    }

    /// What channels counted in the old sum, and what they count by the file; none where it names no weight. Several parts of
    /// one channel count by what they add up to, with those that the file leaves alone: doubling what tags count does not
    /// double what words do.
    pub(super) fn sum(&self) -> Option<Sum> {
        if self.named.is_empty() {
            return None;
        }
        let mut sum = Sum { usual: [0.0; Channel::ALL.len()], meant: [0.0; Channel::ALL.len()] };
        for (name, default, channel) in PARTS {
            if let Some(channel) = channel {
                sum.usual[channel as usize] += default;
                sum.meant[channel as usize] += self.named.get(name).unwrap_or(&default);
            }
        }
        Some(sum)
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{RngExt, SeedableRng};

    use super::*;
    use crate::model::{CANDIDATES, Feature};
    use crate::recommend::Pool;
    use crate::recommend::channels::{AS_LEARNED, steer, steer_by_sum};

    fn weights(named: &[(&'static str, f32)]) -> OldWeights {
        let mut weights = OldWeights::default();
        named.iter().for_each(|(part, weight)| weights.set(part, *weight));
        weights
    }

    #[test]
    fn a_weight_counts_as_a_multiple_of_its_default() {
        let factor = |named: &[(&'static str, f32)], channel: Channel| {
            let sum = weights(named).sum().expect("a sum");
            (sum.meant[channel as usize] / sum.usual[channel as usize] * 1000.0).round() / 1000.0
        };
        assert_eq!(factor(&[("popular", 0.05)], Channel::Popular), 2.5);
        assert_eq!(factor(&[("behavior", 0.6)], Channel::Behaviour), 0.5);
        assert_eq!(factor(&[("usercf", 0.0)], Channel::Taste), 0.0);
        // 1.0 + 0.8 + 0.4 + 0.3 by default
        assert_eq!(factor(&[("content", 1.5)], Channel::Content), 1.2);
        assert_eq!(factor(&[("tag", 0.0), ("vector", 1.6)], Channel::Content), 1.16);
        assert_eq!(factor(&[("content", 1.5)], Channel::Behaviour), 1.0);
        assert_eq!(weights(&[]).sum(), None);
        let defaults: Vec<_> = PARTS.iter().map(|(name, default, _)| (*name, *default)).collect();
        assert!(weights(&defaults).sum().is_some_and(|sum| sum.usual == sum.meant));
        assert!(is_nobodys("price") && !is_nobodys("tag"));
        assert_eq!((part("tag_weight"), part("visual_weight"), part("tag")), (Some("tag"), None, None));
    }

    /// Channels that both systems have, with a feature that each orders by.
    const COMPARED: [(&str, Channel, Feature); 4] = [
        ("behavior", Channel::Behaviour, Feature::Followed),
        ("content", Channel::Content, Feature::Content),
        ("popular", Channel::Popular, Feature::RecentPopularity),
        ("usercf", Channel::Taste, Feature::Taste),
    ];

    /// What candidates score in each of them, from 0 to 1; the best of each 1, as the old system had it.
    fn candidates() -> Vec<[f32; 4]> {
        let mut random = StdRng::seed_from_u64(17);
        let mut scores: Vec<[f32; 4]> = (0..CANDIDATES)
            .map(|_| std::array::from_fn(|_| if random.random_bool(0.5) { random.random_range(0.0..1.0) } else { 0.0 }))
            .collect();
        scores[0] = [1.0; 4];
        scores
    }

    /// The old formula: each score times its weight, all added up. The words of a page score in all four parts of content.
    fn old_sums(scores: &[[f32; 4]], named: &[(&str, f32)]) -> Vec<f32> {
        let weight =
            |part: &str, default: f32| named.iter().find(|(name, _)| *name == part).map_or(default, |(_, w)| *w);
        let parts = |own: &[f32; 4]| -> f32 {
            let score = |channel| COMPARED.iter().position(|(_, of, _)| *of == channel).map_or(0.0, |place| own[place]);
            PARTS.iter().map(|(part, default, channel)| weight(part, *default) * channel.map_or(0.0, score)).sum()
        };
        scores.iter().map(parts).collect()
    }

    fn pool_of(scores: &[[f32; 4]]) -> Pool {
        let mut pool = Pool { items: (0..scores.len() as u32).collect(), ..Pool::default() };
        for (candidate, own) in scores.iter().enumerate() {
            for ((.., feature), score) in COMPARED.iter().zip(own) {
                pool.columns.column_mut(*feature)[candidate] = *score;
            }
        }
        pool
    }

    /// Of the pairs of candidates that the first tells apart, the share that both put in the same order.
    fn agreement(a: &[f32], b: &[f32]) -> f64 {
        let (mut same, mut all) = (0, 0);
        for i in 0..a.len() {
            for j in (0..i).filter(|j| (a[i] - a[*j]).abs() > 1e-5) {
                all += 1;
                same += usize::from((a[i] > a[j]) == (b[i] > b[j]));
            }
        }
        f64::from(u32::try_from(same).unwrap_or(0)) / f64::from(all)
    }

    #[test]
    fn the_order_is_that_of_the_old_sum() {
        let scores = candidates();
        let pool = pool_of(&scores);
        // where nothing was learned from visits, the order is that of the sum by its defaults
        let mut usual = [0.0; CANDIDATES];
        usual.iter_mut().zip(old_sums(&scores, &[])).for_each(|(odds, sum)| *odds = sum.ln());
        for named in [
            &[("popular", 1.0)][..],
            &[("popular", 0.05)],
            &[("behavior", 0.3)],
            &[("usercf", 1.8), ("behavior", 0.9)],
            &[("tag", 2.0), ("vector", 0.0)],
        ] {
            let old = old_sums(&scores, named);
            let mut ours = usual;
            steer_by_sum(&weights(named).sum().expect("a sum"), &pool, &mut ours);
            assert_eq!(agreement(&old, &ours), 1.0, "{named:?}");
            // what reading the weights as factors makes of it
            let mut factors = AS_LEARNED;
            for (name, weight) in named {
                let (.., channel) = PARTS.iter().find(|(part, ..)| part == name).expect("a part");
                factors[channel.expect("a channel") as usize] = *weight;
            }
            let mut otherwise = usual;
            steer(&factors, &pool, &mut otherwise);
            assert!(agreement(&old, &otherwise) < 1.0, "{named:?}");
        }
    }
}

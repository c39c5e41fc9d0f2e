//! Recall channels: what each proposes, how it orders candidates by itself, and what it counts beside what was learned.
//!
//! Which features are a channel's stands with the features (`model::Feature`). Behaviour, graph, content, visual and lists
//! propose when training: their best are a dataset's neighbours.

mod behaviour;
mod content;
mod graph;
mod lists;
pub(super) mod popular;
pub(super) mod sessions;
pub(super) mod taste;
mod visual;

use super::Pool;
use super::features::summarize;
use crate::model::{CANDIDATES, Channel, Feature};

/// What each of [`Channel::ALL`] counts: 1 as learned, 0 nothing at all.
pub type Weights = [f32; Channel::ALL.len()];

/// What every channel counts where nothing else is said.
pub const AS_LEARNED: Weights = [1.0; Channel::ALL.len()];

/// What each of [`Channel::ALL`] counts in a sum of scores: usually, and as somebody would have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sum {
    /// By default.
    pub usual: Weights,
    /// Instead.
    pub meant: Weights,
}

/// A sum that leaves nothing of a candidate leaves it this share.
const LEAST_SHARE: f32 = 1e-9;

/// Moves log-odds by what such a sum of a candidate's strengths grows to, each as a share of the channel's best: where the
/// sum alone makes the order, this makes the order of the other one.
pub fn steer_by_sum(sum: &Sum, pool: &Pool, scores: &mut [f32; CANDIDATES]) {
    let (mut usual, mut meant) = ([0.0; CANDIDATES], [0.0; CANDIDATES]);
    for (place, channel) in Channel::ALL.iter().enumerate().filter(|(place, _)| sum.usual[*place] > 0.0) {
        let strengths: Vec<f32> =
            (0..pool.items.len()).map(|candidate| channel.strength(pool, candidate).max(0.0)).collect();
        let best = strengths.iter().copied().fold(0.0, f32::max);
        if best > 0.0 {
            for (candidate, strength) in strengths.iter().enumerate() {
                usual[candidate] += sum.usual[place] * strength / best;
                meant[candidate] += sum.meant[place] * strength / best;
            }
        }
    }
    for ((score, usual), meant) in scores.iter_mut().zip(usual).zip(meant).filter(|((_, usual), _)| *usual > 0.0) {
        *score += (meant / usual).max(LEAST_SHARE).ln();
    }
}

/// Takes out what channels of weight 0 say.
pub(super) fn clear(weights: &Weights, pool: &mut Pool) {
    for (channel, _) in Channel::ALL.iter().zip(weights).filter(|(_, weight)| **weight == 0.0) {
        channel.clear(pool);
    }
}

/// Moves the log-odds of what a channel proposes by the logarithm of its weight, in proportion to how strongly: the
/// channel's best by all of it.
pub fn steer(weights: &Weights, pool: &Pool, scores: &mut [f32; CANDIDATES]) {
    for (channel, weight) in Channel::ALL.iter().zip(weights).filter(|(_, weight)| **weight > 0.0 && **weight != 1.0) {
        let strengths: Vec<f32> = (0..pool.items.len()).map(|candidate| channel.strength(pool, candidate)).collect();
        let best = strengths.iter().copied().fold(0.0, f32::max);
        if best > 0.0 {
            let move_by = weight.ln() / best;
            scores.iter_mut().zip(&strengths).for_each(|(score, strength)| *score += move_by * strength.max(0.0));
        }
    }
}

impl Channel {
    /// The features it alone orders candidates by, with their weights.
    const fn order(self) -> &'static [(Feature, f32)] {
        match self {
            Self::Behaviour => behaviour::ORDER,
            Self::Graph => graph::ORDER,
            Self::Sessions => sessions::ORDER,
            Self::Content => content::ORDER,
            Self::Visual => visual::ORDER,
            Self::Lists => lists::ORDER,
            Self::Taste => taste::ORDER,
            Self::Popular => popular::ORDER,
        }
    }

    /// All features that it says something by.
    fn features(self) -> impl Iterator<Item = Feature> {
        Feature::ALL.into_iter().filter(move |feature| feature.channel().is_some_and(|channel| self.includes(channel)))
    }

    /// How strongly it is for a candidate.
    fn strength(self, pool: &Pool, candidate: usize) -> f32 {
        self.order().iter().map(|(feature, weight)| weight * pool.columns.column(*feature)[candidate]).sum()
    }

    /// Candidates in this channel's own order, best first, without those it says nothing of.
    pub fn alone(self, pool: &Pool) -> Vec<u32> {
        let mut order: Vec<(u32, f32)> = (0..pool.items.len())
            .map(|candidate| (pool.items[candidate], self.strength(pool, candidate)))
            .filter(|(_, score)| *score > 0.0)
            .collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        order.into_iter().map(|(item, _)| item).collect()
    }

    fn clear(self, pool: &mut Pool) {
        for feature in self.features() {
            *pool.columns.column_mut(feature) = [0.0; CANDIDATES];
        }
    }

    /// Takes what this channel says out of the pool.
    pub fn silence(self, pool: &mut Pool) {
        self.clear(pool);
        summarize(pool);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_orders_by_its_own_features() {
        for channel in Channel::ALL {
            let own: Vec<Feature> = channel.features().collect();
            assert!(channel.order().iter().all(|(feature, _)| own.contains(feature)), "{}", channel.name());
        }
        assert!(Channel::Behaviour.features().any(|feature| feature == Feature::Bridge), "the graph is a part of it");
    }

    #[test]
    fn a_weight_moves_a_channels_best_by_its_logarithm() {
        let mut pool = Pool { items: vec![10, 11, 12], ..Pool::default() };
        pool.columns.column_mut(Feature::Pictures)[..3].copy_from_slice(&[0.5, 0.25, 0.0]);
        let mut weights = AS_LEARNED;
        weights[Channel::Visual as usize] = 4.0;
        let mut scores = [0.0; CANDIDATES];
        steer(&weights, &pool, &mut scores);
        assert_eq!(scores[..3], [4.0_f32.ln(), 4.0_f32.ln() / 2.0, 0.0]);
        assert_eq!(Channel::Visual.alone(&pool), [10, 11]);
        weights[Channel::Visual as usize] = 0.0;
        clear(&weights, &mut pool);
        assert!(Channel::Visual.alone(&pool).is_empty());
    }
}

//! Recall channels, told by their features: for the figure of each one alone, and of the whole without it.

use super::Pool;
use super::features::{
    BRIDGE, CONTENT, CONTENT_RANK, DENSE, EXAMINED, FOLLOWED, KINSHIP, LAST_BEHAVIOUR, LEXICAL, LIFT, NEXT_FOLLOWED,
    NEXT_ORGANIC, ORGANIC, PICTURES, POPULARITY, RECENT_POPULARITY, REVERSE, SAME_PROVIDER, SEEN, SESSION,
    TAG_POPULARITY, TAG_RANK, TAGS, TASTE, TRAIL_BEHAVIOUR, TRAIL_CONTENT, TRAIL_KINSHIP, VISITS, WALK, summarize,
};
use crate::model::CANDIDATES;

/// One way to find candidates.
pub struct Channel {
    pub name: &'static str,
    /// The features it alone orders candidates by, with their weights.
    pub order: &'static [(usize, f32)],
    /// All features that it says something by.
    pub features: &'static [usize],
}

/// All of them; `popular` and `trending` are lists of their own as well.
pub const CHANNELS: [Channel; 8] = [
    Channel {
        name: "behaviour",
        order: &[(ORGANIC, 2.0), (FOLLOWED, 1.0)],
        features: &[ORGANIC, FOLLOWED, REVERSE, WALK, BRIDGE, KINSHIP, NEXT_ORGANIC, NEXT_FOLLOWED, VISITS],
    },
    Channel {
        name: "graph",
        order: &[(WALK, 1.0), (KINSHIP, 0.02), (BRIDGE, 0.1)],
        features: &[WALK, KINSHIP, BRIDGE],
    },
    Channel {
        name: "sessions",
        order: &[(SESSION, 1.0)],
        features: &[SESSION, TRAIL_BEHAVIOUR, TRAIL_KINSHIP, TRAIL_CONTENT, LAST_BEHAVIOUR, SEEN],
    },
    Channel {
        name: "content",
        order: &[(CONTENT, 1.0)],
        features: &[LEXICAL, DENSE, CONTENT, TAGS, SAME_PROVIDER, CONTENT_RANK, TAG_RANK, TAG_POPULARITY],
    },
    Channel { name: "visual", order: &[(PICTURES, 1.0)], features: &[PICTURES] },
    Channel { name: "lists", order: &[(EXAMINED, 1.0)], features: &[EXAMINED, LIFT] },
    Channel { name: "taste", order: &[(TASTE, 1.0)], features: &[TASTE] },
    Channel { name: "popular", order: &[(RECENT_POPULARITY, 1.0)], features: &[POPULARITY, RECENT_POPULARITY] },
];

/// What each of [`CHANNELS`] counts: 1 as learned, 0 nothing at all.
pub type Weights = [f32; CHANNELS.len()];

/// What every channel counts where nothing else is said.
pub const AS_LEARNED: Weights = [1.0; CHANNELS.len()];

/// Takes out what channels of weight 0 say.
pub(super) fn clear(weights: &Weights, pool: &mut Pool) {
    for (channel, _) in CHANNELS.iter().zip(weights).filter(|(_, weight)| **weight == 0.0) {
        channel.clear(pool);
    }
}

/// Moves the log-odds of what a channel proposes by the logarithm of its weight, in proportion to how strongly: the
/// channel's best by all of it.
pub(super) fn steer(weights: &Weights, pool: &Pool, scores: &mut [f32; CANDIDATES]) {
    for (channel, weight) in CHANNELS.iter().zip(weights).filter(|(_, weight)| **weight > 0.0 && **weight != 1.0) {
        let strengths: Vec<f32> = (0..pool.items.len()).map(|candidate| channel.strength(pool, candidate)).collect();
        let best = strengths.iter().copied().fold(0.0, f32::max);
        if best > 0.0 {
            let move_by = weight.ln() / best;
            scores.iter_mut().zip(&strengths).for_each(|(score, strength)| *score += move_by * strength.max(0.0));
        }
    }
}

impl Channel {
    /// How strongly it is for a candidate.
    fn strength(&self, pool: &Pool, candidate: usize) -> f32 {
        self.order.iter().map(|(feature, weight)| weight * pool.columns.column(*feature)[candidate]).sum()
    }

    /// Candidates in this channel's own order, best first, without those it says nothing of.
    pub fn alone(&self, pool: &Pool) -> Vec<u32> {
        let mut order: Vec<(u32, f32)> = (0..pool.items.len())
            .map(|candidate| (pool.items[candidate], self.strength(pool, candidate)))
            .filter(|(_, score)| *score > 0.0)
            .collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        order.into_iter().map(|(item, _)| item).collect()
    }

    fn clear(&self, pool: &mut Pool) {
        for feature in self.features {
            *pool.columns.column_mut(*feature) = [0.0; CANDIDATES];
        }
    }

    /// Takes what this channel says out of the pool.
    pub fn silence(&self, pool: &mut Pool) {
        self.clear(pool);
        summarize(pool);
    }
}

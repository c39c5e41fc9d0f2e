//! Content neighbours: datasets whose texts are alike, by words and by what words keep company with.

use crate::embed::{Postings, Sparse};
use crate::index::{Index, dot, top};

/// Sparse and dense views together.
pub struct Similarity<'a> {
    /// The rows of words.
    pub sparse: &'a Sparse,
    /// The dense rows.
    pub index: &'a Index,
    /// How much the dense view counts beside words, of 1.
    pub dense_weight: f32,
    /// What each row's likeness to others counts: see [`uncrowded`].
    pub weights: &'a [f32],
}

/// Over how many neighbours the density around a row is taken, and what power of it is taken away.
const CROWD: usize = 10;
const UNCROWDING: f32 = 0.25;

/// In a large catalogue, words that more than this share of the texts have propose no candidates.
const COMMON: usize = 20;

impl Similarity<'_> {
    /// How alike two datasets are, 0 to 1, where the cosine of their words is known.
    pub fn likeness(&self, a: usize, b: usize, lexical: f32) -> f32 {
        let vectors = self.index.vectors();
        let dense = dot(vectors.row(a), vectors.row(b));
        ((1.0 - self.dense_weight) * lexical + self.dense_weight * dense).max(0.0) * self.weights[b]
    }

    /// The `count` listed rows most like `row`, best first. Where the index is a graph, each view proposes its best and
    /// both decide among them.
    pub fn nearest(&self, postings: &Postings, row: usize, listed: &[bool], count: usize) -> Vec<(u32, f32)> {
        let vectors = self.index.vectors();
        let mut cosines = vec![0.0; vectors.len()];
        let is_other = |other: u32| other as usize != row && listed[other as usize];
        let mut scored: Vec<(u32, f32)> = match self.index {
            Index::Exact(_) => {
                let own = vectors.row(row);
                for (other, cosine) in cosines.iter_mut().enumerate() {
                    *cosine = self.dense_weight * dot(own, vectors.row(other));
                }
                self.sparse.add_cosines(postings, row, 1.0 - self.dense_weight, usize::MAX, &mut cosines);
                cosines.into_iter().enumerate().map(|(other, cosine)| (other as u32, cosine)).collect()
            }
            Index::Graph(..) => {
                self.sparse.add_cosines(postings, row, 1.0, vectors.len() / COMMON, &mut cosines);
                let mut proposed: Vec<(u32, f32)> =
                    cosines.into_iter().enumerate().map(|(o, c)| (o as u32, c)).filter(|(_, c)| *c > 0.0).collect();
                top(&mut proposed, 2 * count);
                proposed.extend(self.index.nearest(vectors.row(row), count));
                proposed.sort_unstable_by_key(|(other, _)| *other);
                proposed.dedup_by_key(|(other, _)| *other);
                let words = self.sparse.cosines(row, proposed.iter().map(|(other, _)| *other as usize));
                let likeness =
                    |(other, words): (&(u32, f32), f32)| (other.0, self.likeness(row, other.0 as usize, words));
                proposed.iter().zip(words).map(likeness).collect()
            }
        };
        scored.retain(|(other, cosine)| is_other(*other) && *cosine > 0.0);
        top(&mut scored, count);
        // what is kept of a row is a thousandth of what was looked at
        scored.shrink_to_fit();
        scored
    }
}

/// Some texts are a little like all others and would stand in every list: likeness to a row counts the less, the more
/// like its own neighbours it is (a local scaling of distances against hubs; Schnitzer et al. 2012). Reorders `alike`, the
/// nearest of every row, and returns what likeness to each row counts, about 1.
pub fn uncrowded(alike: &mut [Vec<(u32, f32)>]) -> Vec<f32> {
    let around = |near: &Vec<(u32, f32)>| near.iter().take(CROWD).map(|(_, cosine)| cosine).sum::<f32>() / CROWD as f32;
    let densities: Vec<f32> = alike.iter().map(around).collect();
    let mean = (densities.iter().sum::<f32>() / densities.len().max(1) as f32).max(1e-6);
    let weights: Vec<f32> = densities.iter().map(|d| (d / mean).max(0.05).powf(-UNCROWDING)).collect();
    for near in alike {
        near.iter_mut().for_each(|(other, cosine)| *cosine *= weights[*other as usize]);
        near.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    }
    weights
}

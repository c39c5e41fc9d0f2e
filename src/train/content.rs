//! Content neighbours: datasets whose texts are alike, by words and by what words keep company with.

use crate::embed::Sparse;
use crate::index::{Index, dot, top};

/// Sparse and dense views together.
pub struct Similarity<'a> {
    pub sparse: &'a Sparse,
    pub index: &'a Index,
    /// How much the dense view counts, of 1.
    pub dense_weight: f32,
}

/// In a large catalogue, words that more than this share of the texts have propose no candidates.
const COMMON: usize = 20;

impl Similarity<'_> {
    /// How alike two datasets are, 0 to 1.
    pub fn cosine(&self, a: usize, b: usize) -> f32 {
        let vectors = self.index.vectors();
        let dense = dot(vectors.row(a), vectors.row(b));
        ((1.0 - self.dense_weight) * self.sparse.cosine(a, b) + self.dense_weight * dense).max(0.0)
    }

    /// The `count` listed rows most like `row`, best first. Where the index is a graph, each view proposes its best and
    /// both decide among them.
    pub fn nearest(&self, row: usize, listed: &[bool], count: usize) -> Vec<(u32, f32)> {
        let vectors = self.index.vectors();
        let mut cosines = vec![0.0; vectors.len()];
        let is_other = |other: u32| other as usize != row && listed[other as usize];
        let mut scored: Vec<(u32, f32)> = match self.index {
            Index::Exact(_) => {
                let own = vectors.row(row);
                for (other, cosine) in cosines.iter_mut().enumerate() {
                    *cosine = self.dense_weight * dot(own, vectors.row(other));
                }
                self.sparse.add_cosines(row, 1.0 - self.dense_weight, usize::MAX, &mut cosines);
                cosines.into_iter().enumerate().map(|(other, cosine)| (other as u32, cosine)).collect()
            }
            Index::Graph(..) => {
                self.sparse.add_cosines(row, 1.0, vectors.len() / COMMON, &mut cosines);
                let mut proposed: Vec<(u32, f32)> =
                    cosines.into_iter().enumerate().map(|(o, c)| (o as u32, c)).filter(|(_, c)| *c > 0.0).collect();
                top(&mut proposed, 2 * count);
                proposed.extend(self.index.nearest(vectors.row(row), count));
                proposed.sort_unstable_by_key(|(other, _)| *other);
                proposed.dedup_by_key(|(other, _)| *other);
                proposed.into_iter().map(|(other, _)| (other, self.cosine(row, other as usize))).collect()
            }
        };
        scored.retain(|(other, cosine)| is_other(*other) && *cosine > 0.0);
        top(&mut scored, count);
        scored
    }
}

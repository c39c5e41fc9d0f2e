//! Content neighbours: datasets whose texts are alike, by words and by what words keep company with.

use crate::embed::Sparse;
use crate::index::{Index, dot, top};

/// Sparse and dense views together; each weighs half.
pub struct Similarity<'a> {
    pub sparse: &'a Sparse,
    pub index: &'a Index,
}

impl Similarity<'_> {
    /// How alike two datasets are, 0 to 1.
    pub fn cosine(&self, a: usize, b: usize) -> f32 {
        let vectors = self.index.vectors();
        (0.5 * self.sparse.cosine(a, b) + 0.5 * dot(vectors.row(a), vectors.row(b))).max(0.0)
    }

    /// The `count` listed rows most like `row`, best first. Where the index is a graph, it proposes by the dense view
    /// and both views decide among what it proposed.
    pub fn nearest(&self, row: usize, listed: &[bool], count: usize) -> Vec<(u32, f32)> {
        let vectors = self.index.vectors();
        let mut scored: Vec<(u32, f32)> = match self.index {
            Index::Exact(_) => {
                let own = vectors.row(row);
                let mut cosines: Vec<f32> =
                    (0..vectors.len()).map(|other| 0.5 * dot(own, vectors.row(other))).collect();
                self.sparse.add_cosines(row, 0.5, &mut cosines);
                cosines.into_iter().enumerate().map(|(other, cosine)| (other as u32, cosine)).collect()
            }
            Index::Graph(..) => self
                .index
                .nearest(vectors.row(row), 2 * count)
                .into_iter()
                .map(|(other, _)| (other, self.cosine(row, other as usize)))
                .collect(),
        };
        scored.retain(|(other, cosine)| *other as usize != row && listed[*other as usize] && *cosine > 0.0);
        top(&mut scored, count);
        scored
    }
}

//! The learned order of candidates: boosted trees, a small neural network, or both, over the features of [`FEATURES`].
//!
//! Candidates are scored together, a column of features at a time, so that the compiler uses the machine's vector
//! registers: 200 candidates take tens of microseconds.

use serde::{Deserialize, Serialize};

/// What a candidate is judged by; `recommend::features` works them out, for training and for serving alike.
pub const FEATURES: [&str; 32] = [
    "organic",
    "walk",
    "kinship",
    "followed",
    "reverse",
    "lexical",
    "dense",
    "tags",
    "same_provider",
    "popularity",
    "recent_popularity",
    "page_popularity",
    "session",
    "trail_behaviour",
    "trail_kinship",
    "trail_content",
    "last_behaviour",
    "seen",
    "trail_length",
    "taste",
    "prior",
    "prior_rank",
    "content_rank",
    "tag_rank",
    "tag_popularity",
    "price_gap",
    "bridge",
    "next_organic",
    "next_followed",
    "visits",
    "examined",
    "lift",
];

/// The most candidates of one list.
pub const CANDIDATES: usize = 200;

/// Features of up to [`CANDIDATES`] candidates, a column for each feature.
#[derive(Clone)]
pub struct Columns {
    values: Vec<[f32; CANDIDATES]>,
}

impl Default for Columns {
    fn default() -> Self {
        Self { values: vec![[0.0; CANDIDATES]; FEATURES.len()] }
    }
}

impl Columns {
    pub fn column(&self, feature: usize) -> &[f32; CANDIDATES] {
        &self.values[feature]
    }

    pub fn column_mut(&mut self, feature: usize) -> &mut [f32; CANDIDATES] {
        &mut self.values[feature]
    }

    /// The features of one candidate.
    pub fn row(&self, candidate: usize) -> [f32; FEATURES.len()] {
        std::array::from_fn(|feature| self.values[feature][candidate])
    }
}

/// One tree of at most 32 leaves, for scoring by bit masks (QuickScorer, Lucchese et al. 2015): a split that sends a
/// candidate right rules out the leaves on its left; the first leaf left over is the candidate's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tree {
    pub splits: Vec<Split>,
    pub leaves: Vec<f32>,
}

/// Candidates whose feature is at least the threshold keep the leaves of the mask.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Split {
    pub feature: u16,
    pub threshold: f32,
    pub mask: u32,
}

/// A layer of the network: `outputs x inputs` weights, row by row, then a bias for each output.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Layer {
    pub inputs: usize,
    pub weights: Vec<f32>,
    pub biases: Vec<f32>,
}

/// Features brought to mean 0 and deviation 1, then layers with a rectifier between them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Network {
    pub means: Vec<f32>,
    pub deviations: Vec<f32>,
    pub layers: Vec<Layer>,
}

/// How candidates are ordered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ranker {
    /// What the features were called when it was trained.
    pub features: Vec<String>,
    pub trees: Vec<Tree>,
    pub network: Option<Network>,
}

impl Ranker {
    /// Adds each candidate's log-odds of being chosen to `scores`; the mean of both where there are both.
    pub fn score(&self, columns: &Columns, count: usize, scores: &mut [f32; CANDIDATES]) {
        let both = !self.trees.is_empty() && self.network.is_some();
        for tree in &self.trees {
            tree.add(columns, count, scores);
        }
        if let Some(network) = &self.network {
            network.add(columns, count, scores);
        }
        if both {
            scores[..count].iter_mut().for_each(|score| *score *= 0.5);
        }
    }
}

impl Tree {
    fn add(&self, columns: &Columns, count: usize, scores: &mut [f32; CANDIDATES]) {
        let mut left = [u32::MAX; CANDIDATES];
        for split in &self.splits {
            let column = columns.column(split.feature as usize);
            for (leaves, value) in left[..count].iter_mut().zip(&column[..count]) {
                *leaves &= if *value >= split.threshold { split.mask } else { u32::MAX };
            }
        }
        for (score, leaves) in scores[..count].iter_mut().zip(&left) {
            *score += self.leaves[leaves.trailing_zeros() as usize];
        }
    }
}

impl Network {
    fn add(&self, columns: &Columns, count: usize, scores: &mut [f32; CANDIDATES]) {
        let mut inputs: Vec<[f32; CANDIDATES]> = (0..self.means.len())
            .map(|feature| {
                let mut column = *columns.column(feature);
                let (mean, scale) = (self.means[feature], 1.0 / self.deviations[feature]);
                column[..count].iter_mut().for_each(|v| *v = ((*v - mean) * scale).clamp(-5.0, 5.0));
                column
            })
            .collect();
        for (depth, layer) in self.layers.iter().enumerate() {
            let is_last = depth + 1 == self.layers.len();
            inputs = layer
                .biases
                .iter()
                .enumerate()
                .map(|(output, bias)| {
                    let mut sums = [*bias; CANDIDATES];
                    let weights = &layer.weights[output * layer.inputs..(output + 1) * layer.inputs];
                    for (weight, column) in weights.iter().zip(&inputs) {
                        for (sum, value) in sums[..count].iter_mut().zip(&column[..count]) {
                            *sum += weight * value;
                        }
                    }
                    if !is_last {
                        sums[..count].iter_mut().for_each(|sum| *sum = sum.max(0.0));
                    }
                    sums
                })
                .collect();
        }
        for (score, value) in scores[..count].iter_mut().zip(&inputs[0]) {
            *score += value;
        }
    }
}

//! The learned order of candidates: boosted trees, a small neural network, or both, over the features of [`Feature`].
//!
//! Candidates are scored together, a column of features at a time, so that the compiler uses the machine's vector
//! registers: all 192 candidates take tens of microseconds.

use anyhow::{Context, Result, ensure};
use multiversion::multiversion;
use serde::{Deserialize, Serialize};

use super::features::{CANDIDATES, Columns, Feature};
use crate::common::language::{either, t};

/// How many candidates go through a tree together: two registers of sixteen or four of eight, so that one waits for nothing
/// while others are worked on. [`CANDIDATES`] is a multiple of it.
const LANES: usize = 32;

/// One tree of at most 32 leaves, for scoring by bit masks (QuickScorer, Lucchese et al. 2015): a split that sends a
/// candidate right rules out the leaves on its left; the first leaf left over is the candidate's.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Tree {
    /// In no particular order: each rules out leaves by itself.
    pub splits: Vec<Split>,
    /// What each adds to the log-odds, from left to right; those that are not there are 0.
    pub leaves: [f32; 32],
}

/// Candidates whose feature is at least the threshold keep the leaves of the mask.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Split {
    /// The number of a [`Feature`].
    pub feature: u16,
    /// The least value that goes right.
    pub threshold: f32,
    /// A bit for each leaf, the first the lowest; 0 for those on the left of the split.
    pub mask: u32,
}

/// A layer of the network.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Layer {
    /// How many numbers go in.
    pub inputs: usize,
    /// `outputs x inputs`, row by row.
    pub weights: Vec<f32>,
    /// One for each output.
    pub biases: Vec<f32>,
}

/// Features brought to mean 0 and deviation 1, then layers with a rectifier between them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Network {
    /// Each feature's mean over the examples.
    pub means: Vec<f32>,
    /// Each feature's standard deviation, above 0.
    pub deviations: Vec<f32>,
    /// The last has one output: the log-odds.
    pub layers: Vec<Layer>,
}

/// How candidates are ordered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ranker {
    /// What the features were called when it was trained.
    pub features: Vec<String>,
    /// Their sum is the log-odds; none where only a network was kept.
    pub trees: Vec<Tree>,
    /// The network, where one was kept.
    pub network: Option<Network>,
}

impl Ranker {
    /// Adds each candidate's log-odds of being chosen to `scores`; the mean of both where there are both.
    pub fn score(&self, columns: &Columns, count: usize, scores: &mut [f32; CANDIDATES]) {
        let both = !self.trees.is_empty() && self.network.is_some();
        add_trees(&self.trees, columns, count, scores);
        if let Some(network) = &self.network {
            add_network(network, columns, count, scores);
        }
        if both {
            scores[..count].iter_mut().for_each(|score| *score *= 0.5);
        }
    }

    /// How much it goes by each feature, the most first, all of them together 1: how many splits of the trees ask for it, and
    /// how large its weights in the network's first layer are; the mean of both where there are both.
    pub fn importance(&self) -> Vec<(Feature, f64)> {
        let mut asked = [0.0_f64; Feature::COUNT];
        for split in self.trees.iter().flat_map(|tree| &tree.splits) {
            asked[split.feature as usize] += 1.0;
        }
        let mut weighed = [0.0_f64; Feature::COUNT];
        for layer in self.network.iter().filter_map(|network| network.layers.first()) {
            let weights = layer.weights.chunks(layer.inputs.max(1)).flat_map(|row| row.iter().enumerate());
            weights.for_each(|(feature, weight)| weighed[feature] += f64::from(weight.abs()));
        }
        let parts = [asked, weighed].map(|part| (part.iter().sum::<f64>(), part));
        let parts: Vec<_> = parts.into_iter().filter(|(all, _)| *all > 0.0).collect();
        let share =
            |feature: usize| parts.iter().map(|(all, part)| part[feature] / all).sum::<f64>() / parts.len() as f64;
        let mut all: Vec<(Feature, f64)> = Feature::ALL.into_iter().map(|one| (one, share(one as usize))).collect();
        all.retain(|(_, share)| *share > 0.0);
        all.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        all
    }

    /// Whether it can be scored with: its features are the first of this program's, its trees are trees and its layers fit
    /// together. One that was trained before the last features were there knows nothing of them.
    ///
    /// # Errors
    /// What does not fit.
    pub fn check(&self) -> Result<()> {
        ensure!(
            !self.features.is_empty() && Feature::ALL.map(|f| f.name().to_owned()).starts_with(&self.features),
            t!(
                "the ranker judges by other features than this nearset; train again",
                "排序器所用的特征与本程序不同；请重新训练"
            )
        );
        let features = self.features.len();
        self.trees.iter().try_for_each(|tree| tree.check(features))?;
        self.network.as_ref().map_or(Ok(()), |network| network.check(features))
    }
}

impl Tree {
    fn check(&self, features: usize) -> Result<()> {
        ensure!(
            self.splits.len() < self.leaves.len(),
            t!("a tree has {} splits", "一棵树有 {} 个分裂点", self.splits.len())
        );
        for split in &self.splits {
            ensure!(
                (split.feature as usize) < features,
                t!("a tree splits by feature {}", "一棵树按特征 {} 分裂", split.feature)
            );
            // the leaves of a left branch stand side by side, and are never all
            let ruled_out = !split.mask;
            let run = ruled_out.checked_shr(ruled_out.trailing_zeros()).unwrap_or(0);
            ensure!(
                run != 0 && run & run.wrapping_add(1) == 0 && split.mask != 0,
                t!("a split of a tree rules out nothing", "树的一个分裂点不起作用")
            );
        }
        ensure!(are_finite(self.splits.iter().map(|split| &split.threshold).chain(&self.leaves)), no_number());
        Ok(())
    }
}

impl Network {
    fn check(&self, features: usize) -> Result<()> {
        let widths = [self.means.len(), self.deviations.len()];
        ensure!(widths == [features; 2], t!("the network reads {} features", "神经网络读 {} 个特征", widths[0]));
        ensure!(
            self.deviations.iter().all(|deviation| *deviation > 0.0),
            t!("a feature of the network has no deviation", "神经网络的一个特征没有标准差")
        );
        ensure!(are_finite(self.means.iter().chain(&self.deviations)), no_number());
        let mut inputs = features;
        for Layer { inputs: said, weights, biases } in &self.layers {
            let due = inputs
                .checked_mul(biases.len())
                .context(either("a layer of the network is too wide", "神经网络的一层过宽"))?;
            ensure!(
                *said == inputs && weights.len() == due,
                t!("the layers of the network do not fit together", "神经网络的各层对不上")
            );
            ensure!(are_finite(weights.iter().chain(biases)), no_number());
            inputs = biases.len();
        }
        ensure!(
            inputs == 1,
            t!("the network gives {inputs} numbers where one is due", "神经网络输出 {inputs} 个数，应为 1 个")
        );
        Ok(())
    }
}

fn no_number() -> &'static str {
    either("the ranker holds what is no number", "排序器里有不是数的值")
}

fn are_finite<'a>(mut numbers: impl Iterator<Item = &'a f32>) -> bool {
    numbers.all(|number| number.is_finite())
}

/// The values of the candidates from `start` on that are scored together.
#[inline(always)]
fn lanes(column: &[f32; CANDIDATES], start: usize) -> [f32; LANES] {
    let mut values = [0.0; LANES];
    values.copy_from_slice(&column[start..start + LANES]);
    values
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512cd+fma+bmi1", "x86_64+avx2+fma+bmi1", "aarch64+neon"))]
fn add_trees(trees: &[Tree], columns: &Columns, count: usize, scores: &mut [f32; CANDIDATES]) {
    for start in (0..count).step_by(LANES) {
        let mut sums = [0.0_f32; LANES];
        for tree in trees {
            let mut left = [u32::MAX; LANES];
            for split in &tree.splits {
                let values = lanes(columns.numbered(split.feature as usize), start);
                for lane in 0..LANES {
                    // all ones where the candidate goes left
                    let is_left = u32::from(values[lane] < split.threshold).wrapping_neg();
                    left[lane] &= split.mask | is_left;
                }
            }
            let mut values = [0.0; LANES];
            for lane in 0..LANES {
                values[lane] = tree.leaves[(left[lane].trailing_zeros() % 32) as usize];
            }
            for lane in 0..LANES {
                sums[lane] += values[lane];
            }
        }
        scores[start..start + LANES].iter_mut().zip(&sums).for_each(|(score, sum)| *score += sum);
    }
}

#[multiversion(targets("x86_64+avx512f+avx512bw+avx512vl+avx512cd+fma+bmi1", "x86_64+avx2+fma+bmi1", "aarch64+neon"))]
fn add_network(network: &Network, columns: &Columns, count: usize, scores: &mut [f32; CANDIDATES]) {
    let (mut inputs, mut outputs): (Vec<[f32; LANES]>, Vec<[f32; LANES]>) = (Vec::new(), Vec::new());
    for start in (0..count).step_by(LANES) {
        inputs.clear();
        for (feature, (mean, deviation)) in network.means.iter().zip(&network.deviations).enumerate() {
            let scale = 1.0 / deviation;
            inputs.push(lanes(columns.numbered(feature), start).map(|v| ((v - mean) * scale).clamp(-5.0, 5.0)));
        }
        for (depth, layer) in network.layers.iter().enumerate() {
            outputs.clear();
            for (weights, bias) in layer.weights.chunks_exact(layer.inputs).zip(&layer.biases) {
                let mut sums = [*bias; LANES];
                for (weight, values) in weights.iter().zip(&inputs) {
                    for lane in 0..LANES {
                        sums[lane] += weight * values[lane];
                    }
                }
                if depth + 1 < network.layers.len() {
                    sums.iter_mut().for_each(|sum| *sum = sum.max(0.0));
                }
                outputs.push(sums);
            }
            std::mem::swap(&mut inputs, &mut outputs);
        }
        scores[start..start + LANES].iter_mut().zip(&inputs[0]).for_each(|(score, value)| *score += value);
    }
}

//! Boosted trees (Friedman 2001), by forust, brought into the form that scores many candidates at once.

use anyhow::{Result, anyhow};
use forust_ml::data::Matrix;
use forust_ml::gradientbooster::{GradientBooster, GrowPolicy};
use forust_ml::objective::ObjectiveType;
use forust_ml::tree::Tree as Grown;

use crate::common::language::t;
use crate::model::{Feature, Split, Tree};
use crate::train::examples::Examples;

/// How many trees of how many leaves, and how much each corrects those before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// How many trees.
    pub trees: usize,
    /// Of how many leaves each, at most 32.
    pub leaves: usize,
    /// How much of what is left each corrects.
    pub rate: f32,
}

/// Seconds of one core for each feature of an example on each level of a tree. Measured once: 120 trees of 16 leaves took 9.2 s,
/// 100 of 24 leaves 8.6 s, from the 484,533 examples of the world of docs/quality.md, on one core of its machine.
const SECONDS_PER_LEVEL: f64 = 1.15e-9;

impl Shape {
    /// Seconds of one core that learning takes, about: on every level of every tree each feature of each example is looked at.
    pub(super) fn work(self, examples: usize) -> f64 {
        let levels = self.trees as f64 * (self.leaves as f64).log2();
        SECONDS_PER_LEVEL * levels * examples as f64 * Feature::COUNT as f64
    }
}

/// Learns the log-odds that a candidate is chosen. The same examples give the same trees.
///
/// # Errors
/// No trees can be grown from them.
pub fn fit(examples: &Examples, shape: Shape) -> Result<Vec<Tree>> {
    let rows = examples.rows.len();
    let mut columns = vec![0.0_f64; rows * Feature::COUNT];
    for (row, values) in examples.rows.iter().enumerate() {
        for (feature, value) in values.iter().enumerate() {
            columns[feature * rows + row] = f64::from(*value);
        }
    }
    let chosen: Vec<f64> = examples.chosen.iter().map(|c| f64::from(u8::from(*c))).collect();
    let weights: Vec<f64> = examples.weights.iter().map(|w| f64::from(*w)).collect();
    let mut booster = GradientBooster::default()
        .set_objective_type(ObjectiveType::LogLoss)
        .set_iterations(shape.trees)
        .set_learning_rate(shape.rate)
        .set_max_leaves(shape.leaves)
        .set_max_depth(8)
        .set_l2(1.0)
        .set_min_leaf_weight(2.0)
        .set_nbins(1024)
        .set_initialize_base_score(true);
    booster.grow_policy = GrowPolicy::LossGuide;
    booster
        .fit(&Matrix::new(&columns, rows, Feature::COUNT), &chosen, &weights, None)
        .map_err(|error| anyhow!(t!("boosted trees: {error}", "提升树：{error}")))?;
    let mut trees: Vec<Tree> = booster.trees.iter().map(masked).collect::<Result<_>>()?;
    // what every candidate starts from, as a tree of one leaf
    trees.push(Tree { splits: Vec::new(), leaves: leaves(&[booster.base_score as f32])? });
    Ok(trees)
}

/// Numbers a tree's leaves from left to right and gives each split the leaves that remain on its right.
fn masked(grown: &Grown) -> Result<Tree> {
    let (mut splits, mut values) = (Vec::new(), Vec::new());
    walk(grown, 0, &mut splits, &mut values);
    Ok(Tree { splits, leaves: leaves(&values)? })
}

fn leaves(values: &[f32]) -> Result<[f32; 32]> {
    let mut leaves = [0.0; 32];
    let room = leaves.get_mut(..values.len());
    room.ok_or_else(|| {
        anyhow!(t!("a tree has {} leaves where 32 fit", "一棵树有 {} 个叶子，最多 32 个", values.len()))
    })?
    .copy_from_slice(values);
    Ok(leaves)
}

fn walk(grown: &Grown, node: usize, splits: &mut Vec<Split>, values: &mut Vec<f32>) {
    let node = &grown.nodes[node];
    if node.is_leaf {
        values.push(node.weight_value);
        return;
    }
    let first = values.len();
    walk(grown, node.left_child, splits, values);
    let left = values.len() - first;
    let ruled_out = (((1_u64 << left) - 1) << first) as u32;
    let nearest = node.split_value as f32;
    // features are f32: the smallest that is not below the split
    let threshold = if f64::from(nearest) < node.split_value { nearest.next_up() } else { nearest };
    splits.push(Split { feature: node.split_feature as u16, threshold, mask: !ruled_out });
    walk(grown, node.right_child, splits, values);
}

//! Which kind of ranker did best, and what else was tried.

use super::shape::Shape;
use crate::common::language::{either, t};
use crate::model::{RankerChoice, RankerTrial};

/// Figures of one trial, on the same steps as all others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trial {
    pub(super) shape: Shape,
    /// The share of steps whose next page is among the first ten.
    pub(super) hit_rate: f64,
    pub(super) mrr: f64,
    pub(super) ndcg: f64,
    /// How long it took here; said, and never decided by.
    pub(super) seconds: f64,
}

/// The kind of ranker that did best, and what else was tried.
#[derive(Clone, Debug)]
pub struct Choice {
    pub(super) shape: Shape,
    pub(super) prior: Trial,
    pub(super) trials: Vec<Trial>,
    pub(super) steps: usize,
    pub(super) measured: usize,
}

impl Choice {
    /// For the manifest.
    pub fn report(&self) -> RankerChoice {
        let trial = |trial: &Trial| RankerTrial {
            ranker: trial.shape.to_string(),
            hit_rate: round(trial.hit_rate),
            mrr: round(trial.mrr),
            ndcg: round(trial.ndcg),
        };
        RankerChoice {
            kept: self.shape.to_string(),
            steps: self.steps,
            measured_steps: self.measured,
            trials: std::iter::once(&self.prior).chain(&self.trials).map(trial).collect(),
        }
    }

    /// What was kept, in a line.
    pub fn headline(&self) -> String {
        let all: Vec<String> = std::iter::once(&self.prior)
            .chain(&self.trials)
            .map(|trial| t!("{} {:.4} in {:.1} s", "{} {:.4}，{:.1} 秒", trial.shape, trial.ndcg, trial.seconds))
            .collect();
        t!(
            "ranker: {} kept by NDCG@10 on {} steps ({})",
            "排序器：按 {1} 步上的 NDCG@10 选用 {0}（{2}）",
            self.shape,
            self.measured,
            all.join(either(", ", "；"))
        )
    }
}

fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

//! Which ranker: several are learned, each is measured on visits that none has seen, the best is kept.

use std::time::Instant;

use anyhow::Result;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::examples::{Examples, Held, Measured, collect};
use super::{Training, boosted, neural};
use crate::model::{FEATURES, Ranker};
use crate::recommend;

/// With fewer steps than this nothing is learned: the prior order stays.
const FEWEST: usize = 400;

/// What is learned.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Shape {
    boosted: Option<boosted::Shape>,
    neural: Option<neural::Shape>,
}

/// What is tried, in this order: each for itself, then the best of both kinds together.
const TRIED: [Shape; 4] = [
    Shape { boosted: Some(boosted::Shape { trees: 120, leaves: 16, rate: 0.1 }), neural: None },
    Shape { boosted: None, neural: Some(neural::Shape { hidden: [32, 16], epochs: 8 }) },
    Shape { boosted: Some(boosted::Shape { trees: 100, leaves: 24, rate: 0.09 }), neural: None },
    Shape { boosted: None, neural: Some(neural::Shape { hidden: [48, 16], epochs: 10 }) },
];

/// Figures of one trial, on the same steps as all others.
#[derive(Clone, Copy, Debug)]
struct Trial {
    shape: Shape,
    hit_rate: f64,
    mrr: f64,
    ndcg: f64,
    seconds: f64,
}

/// The kind of ranker that did best, and what else was tried.
#[derive(Clone, Debug)]
pub struct Choice {
    shape: Shape,
    prior: Trial,
    trials: Vec<Trial>,
    steps: usize,
    measured: usize,
}

impl Choice {
    /// For the manifest.
    pub fn report(&self) -> Value {
        let trial = |trial: &Trial| {
            json!({
                "ranker": name(trial.shape),
                "hit_rate@10": round(trial.hit_rate),
                "mrr@10": round(trial.mrr),
                "ndcg@10": round(trial.ndcg),
            })
        };
        let mut trials = vec![trial(&self.prior)];
        trials.extend(self.trials.iter().map(trial));
        json!({"kept": name(self.shape), "steps": self.steps, "measured_steps": self.measured, "trials": trials})
    }

    /// What was kept, in a line.
    pub fn headline(&self) -> String {
        let all: Vec<String> = std::iter::once(&self.prior)
            .chain(&self.trials)
            .map(|t| format!("{} {:.4} in {:.1} s", name(t.shape), t.ndcg, t.seconds))
            .collect();
        format!("ranker: {} kept by NDCG@10 on {} steps ({})", name(self.shape), self.measured, all.join(", "))
    }
}

fn name(shape: Shape) -> String {
    let boosted = shape.boosted.map(|b| format!("boosted {}x{}", b.trees, b.leaves));
    let neural = shape.neural.map(|n| format!("neural {}-{}", n.hidden[0], n.hidden[1]));
    let parts: Vec<String> = boosted.into_iter().chain(neural).collect();
    if parts.is_empty() { "prior".to_owned() } else { parts.join(" + ") }
}

fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Learns a ranker of the kind that `choice` says, or finds the best kind first. `None` where there is too little traffic,
/// or no time for it.
pub fn learn(
    training: &Training<'_>,
    until: Option<DateTime<Utc>>,
    choice: Option<&Choice>,
) -> Result<Option<(Ranker, Choice)>> {
    if training.budget.is_zero() {
        return Ok(None);
    }
    let Held { examples, measured, steps } = collect(training, until, choice.is_none())?;
    if steps < FEWEST || examples.rows.is_empty() {
        return Ok(None);
    }
    if let Some(choice) = choice {
        return Ok(Some((fit(&examples, choice.shape)?, choice.clone())));
    }
    let (choice, ranker) = choose(training, &examples, &measured, steps)?;
    Ok(Some((ranker, choice)))
}

fn fit(examples: &Examples, shape: Shape) -> Result<Ranker> {
    Ok(Ranker {
        features: FEATURES.iter().map(|f| (*f).to_owned()).collect(),
        trees: shape.boosted.map(|shape| boosted::fit(examples, shape)).transpose()?.unwrap_or_default(),
        network: shape.neural.map(|shape| neural::fit(examples, shape)).transpose()?,
    })
}

/// Tries what the time allows, always one of each kind, and keeps the best.
fn choose(
    training: &Training<'_>,
    examples: &Examples,
    measured: &[Measured],
    steps: usize,
) -> Result<(Choice, Ranker)> {
    let started = Instant::now();
    let prior = Trial { shape: Shape::default(), seconds: 0.0, ..measure(None, measured) };
    let mut tried: Vec<(Trial, Ranker)> = Vec::new();
    for (number, shape) in TRIED.into_iter().enumerate() {
        let at = Instant::now();
        if number > 1 && started.elapsed() > training.budget {
            break;
        }
        (training.at)(&format!("ranker: {}", name(shape)));
        let ranker = fit(examples, shape)?;
        let trial = Trial { shape, seconds: at.elapsed().as_secs_f64(), ..measure(Some(&ranker), measured) };
        tried.push((trial, ranker));
    }
    let best = |fits: &dyn Fn(&Shape) -> bool, tried: &[(Trial, Ranker)]| {
        let fitting = tried.iter().filter(|(trial, _)| fits(&trial.shape));
        fitting.reduce(|best, next| if next.0.ndcg > best.0.ndcg { next } else { best }).cloned()
    };
    if let (Some((trees, forest)), Some((layers, network))) =
        (best(&|s| s.boosted.is_some(), &tried), best(&|s| s.neural.is_some(), &tried))
    {
        let seconds = trees.seconds + layers.seconds;
        let shape = Shape { boosted: trees.shape.boosted, neural: layers.shape.neural };
        let ranker = Ranker { network: network.network, ..forest };
        tried.push((Trial { shape, seconds, ..measure(Some(&ranker), measured) }, ranker));
    }
    let trials = tried.iter().map(|(trial, _)| *trial).collect();
    let (kept, ranker) = best(&|_| true, &tried).unwrap_or((prior, Ranker::default()));
    Ok((Choice { shape: kept.shape, prior, trials, steps, measured: measured.len() }, ranker))
}

/// How high the page that was gone on to stands, over all steps.
fn measure(ranker: Option<&Ranker>, measured: &[Measured]) -> Trial {
    let (mut hits, mut reciprocal, mut gain) = (0.0, 0.0, 0.0);
    for Measured { pool, next } in measured {
        let scores = recommend::score(ranker, pool);
        let Some(at) = pool.items.iter().position(|item| Some(*item) == *next) else { continue };
        let above = (0..pool.items.len()).filter(|other| scores[*other] > scores[at]).count();
        if above < 10 {
            hits += 1.0;
            reciprocal += 1.0 / (above as f64 + 1.0);
            gain += 1.0 / (above as f64 + 2.0).log2();
        }
    }
    let count = measured.len().max(1) as f64;
    Trial { shape: Shape::default(), hit_rate: hits / count, mrr: reciprocal / count, ndcg: gain / count, seconds: 0.0 }
}

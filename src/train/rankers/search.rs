//! The search for a ranker: several are learned, each is measured on visits that none has seen, the best is kept.

use std::time::Instant;

use anyhow::Result;
use chrono::{DateTime, Utc};

use super::choice::{Choice, Trial};
use super::shape::{Shape, TRIED, affordable};
use super::{boosted, neural};
use crate::common::language::t;
use crate::model::{Feature, Ranker};
use crate::recommend;
use crate::train::examples::{Examples, Held, Measured, collect};
use crate::train::training::Training;

/// With fewer steps than this nothing is learned: the prior order stays.
const FEWEST: usize = 400;

/// Learns a ranker of the kind that `choice` says, or finds the best kind first. `None` where there is too little traffic,
/// or no work for it is allowed.
///
/// # Errors
/// The steps cannot be read, or a ranker cannot be learned.
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
        features: Feature::ALL.map(|feature| feature.name().to_owned()).to_vec(),
        trees: shape.boosted.map(|shape| boosted::fit(examples, shape)).transpose()?.unwrap_or_default(),
        network: shape.neural.map(|shape| neural::fit(examples, shape)).transpose()?,
    })
}

/// Tries what the budget allows, always one of each kind, and keeps the best.
fn choose(
    training: &Training<'_>,
    examples: &Examples,
    measured: &[Measured],
    steps: usize,
) -> Result<(Choice, Ranker)> {
    let prior = Trial { shape: Shape::default(), seconds: 0.0, ..measure(None, measured) };
    let mut tried: Vec<(Trial, Ranker)> = Vec::new();
    for shape in TRIED.into_iter().take(affordable(training.budget, examples.rows.len())) {
        let at = Instant::now();
        (training.at)(&t!("ranker: {shape}", "排序器：{shape}"));
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

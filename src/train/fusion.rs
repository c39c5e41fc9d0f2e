//! How the views of texts are weighed, where a text model joins words: by steps that visitors took.

use std::collections::BTreeMap;
use std::fmt;

use rayon::prelude::*;

use super::embeddings::VIEWS;
use crate::common::language::{either, t};
use crate::embed::Sparse;
use crate::index::{Vectors, normalize};

/// How words, what words keep company with (LSA), and a text model's vectors are weighed, and what that was chosen by.
pub struct Fusion {
    /// Of 1; words have the rest.
    company: f32,
    model: f32,
    steps: usize,
    /// NDCG of words alone, of all that need no model, of the model alone, and of what was chosen.
    figures: [f32; 4],
}

/// What LSA is tried to count, of 1.
const COMPANY: [f32; 5] = [0.0, 0.03, 0.06, 0.12, 0.25];

/// What a text model is tried to count, of 1.
const MODEL: [f32; 10] = [0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.88, 0.94, 1.0];

/// What both count where there are too few steps to choose by: as without a model beside short texts, and half for the model.
const UNSEEN: (f32, f32) = (0.06, 0.5);

/// With fewer steps than this the noise is larger than what there is to choose.
const FEW_STEPS: usize = 100;

/// How many pages the weights are compared on.
const PAGES: usize = 500;

/// How deep ranks count.
const DEEP: usize = 50;

impl Fusion {
    /// Whether the model adds anything.
    pub fn uses_model(&self) -> bool {
        self.model > 0.0
    }

    /// Both dense views as one, and how much it counts beside words: its cosines are their weighted mean.
    pub fn fused(&self, company: &Vectors, model: &Vectors) -> (Vectors, f32) {
        let weight = self.company + self.model;
        let (of_company, of_model) = ((self.company / weight).sqrt(), (self.model / weight).sqrt());
        let rows = (0..company.len()).flat_map(|row| {
            let company = company.row(row).numbers().map(move |value| value * of_company);
            company.chain(model.row(row).numbers().map(move |value| value * of_model))
        });
        (Vectors::new(company.dimensions() + model.dimensions(), rows), weight)
    }
}

/// Steps that visitors took from some pages, for choosing by.
pub struct Steps<'a> {
    pages: Vec<(u32, Vec<u32>)>,
    count: usize,
    listed: &'a [bool],
}

impl<'a> Steps<'a> {
    /// Of steps from page to page, those to listed ones; pages spread over the catalogue.
    pub fn new(steps: &[(u32, u32)], listed: &'a [bool]) -> Self {
        let mut next: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (page, to) in steps.iter().filter(|(_, to)| listed[*to as usize]) {
            next.entry(*page).or_default().push(*to);
        }
        let every = next.len().div_ceil(PAGES).max(1);
        let pages: Vec<(u32, Vec<u32>)> = next.into_iter().step_by(every).collect();
        Self { count: pages.iter().map(|(_, to)| to.len()).sum(), pages, listed }
    }

    fn are_few(&self) -> bool {
        self.count < FEW_STEPS
    }

    /// How well the most alike hold the next page (NDCG at 50), for each of `tried`: `likenesses` has several for a row,
    /// and `of` makes one of them.
    fn gains<T: Sync>(
        &self,
        tried: &[T],
        likenesses: impl Fn(usize) -> Vec<Vec<f32>> + Sync,
        of: impl Fn(&T, &[f32]) -> f32 + Sync,
    ) -> Vec<f64> {
        let gain_of = |(page, to): &(u32, Vec<u32>)| {
            let row = *page as usize;
            let views = likenesses(row);
            let at = |other: usize| views.iter().map(|view| view[other]).collect::<Vec<f32>>();
            let all: Vec<Vec<f32>> = (0..self.listed.len()).map(at).collect();
            let gain = |tried: &T| {
                let likeness: Vec<f32> = all.iter().map(|views| of(tried, views)).collect();
                let of = |to: &u32| {
                    let bound = likeness[*to as usize];
                    let above = (0..likeness.len()).filter(|o| *o != row && self.listed[*o] && likeness[*o] > bound);
                    match above.take(DEEP).count() {
                        DEEP => 0.0,
                        rank => 1.0 / (rank as f64 + 2.0).log2(),
                    }
                };
                to.iter().map(of).sum::<f64>() / self.count as f64
            };
            tried.iter().map(gain).collect::<Vec<f64>>()
        };
        // in the order of pages: a sum in the order in which threads end would be another each time
        let gains: Vec<Vec<f64>> = self.pages.par_iter().map(gain_of).collect();
        let none = vec![0.0; tried.len()];
        gains.iter().fold(none, |sums, gains| sums.iter().zip(gains).map(|(a, b)| a + b).collect())
    }
}

/// Which of a model's views of a dataset are mixed.
const MIXTURES: [[f32; VIEWS.len()]; 8] = [
    [1.0, 1.0, 1.0],
    [1.0, 1.0, 0.0],
    [2.0, 1.0, 0.0],
    [3.0, 1.0, 1.0],
    [0.0, 1.0, 1.0],
    [1.0, 0.0, 0.0],
    [0.0, 1.0, 0.0],
    [0.0, 0.0, 1.0],
];

/// One vector of a model's several of each dataset: the mean of those views with which the most alike hold the next page
/// best (all of them where there is too little to choose by), less what all datasets have in common. And which views.
pub fn mixed(views: &[Vectors; VIEWS.len()], steps: &Steps<'_>) -> (Vectors, String) {
    let mixtures: Vec<Vectors> = MIXTURES.iter().map(|weights| mixture(views, weights)).collect();
    let best = match steps.are_few() {
        true => 0,
        false => {
            let cosines = |row: usize| {
                let of = |vectors: &Vectors| (0..vectors.len()).map(|o| vectors.cosine(row, o)).collect();
                mixtures.iter().map(of).collect()
            };
            let gains = steps.gains(&(0..mixtures.len()).collect::<Vec<_>>(), cosines, |mixture, all| all[*mixture]);
            (0..gains.len()).max_by(|a, b| gains[*a].total_cmp(&gains[*b]).then(b.cmp(a))).unwrap_or(0)
        }
    };
    let named = VIEWS.iter().zip(MIXTURES[best]).filter(|(_, weight)| *weight > 0.0);
    let names: Vec<String> =
        named.map(|((english, chinese), weight)| format!("{} x {weight}", either(english, chinese))).collect();
    (mixtures.into_iter().nth(best).unwrap_or_default(), names.join(" + "))
}

fn mixture(views: &[Vectors; VIEWS.len()], weights: &[f32; VIEWS.len()]) -> Vectors {
    let (rows, dimensions) = (views[0].len(), views[0].dimensions());
    let mut data = vec![0.0_f32; rows * dimensions];
    for (view, weight) in views.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
        for (row, sum) in data.chunks_exact_mut(dimensions).enumerate() {
            sum.iter_mut().zip(view.row(row).numbers()).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    let mut mean = vec![0.0_f32; dimensions];
    for row in data.chunks_exact_mut(dimensions) {
        normalize(row);
        mean.iter_mut().zip(&*row).for_each(|(mean, value)| *mean += value / rows as f32);
    }
    for row in data.chunks_exact_mut(dimensions).filter(|row| row.iter().any(|value| *value != 0.0)) {
        row.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
        normalize(row);
    }
    Vectors::new(dimensions, data)
}

/// Chooses the weights with which the most alike hold the next page best.
pub fn fusion(sparse: &Sparse, company: &Vectors, model: &Vectors, steps: &Steps<'_>) -> Fusion {
    if steps.are_few() {
        return Fusion { company: UNSEEN.0, model: UNSEEN.1, steps: steps.count, figures: [0.0; 4] };
    }
    let tried: Vec<(f32, f32)> = MODEL
        .iter()
        .flat_map(|model| COMPANY.iter().map(move |company| (*company, *model)))
        .filter(|(company, model)| company + model <= 1.0)
        .collect();
    let postings = sparse.postings();
    let likenesses = |row: usize| {
        let mut words = vec![0.0; company.len()];
        sparse.add_cosines(&postings, row, 1.0, usize::MAX, &mut words);
        let cosines = |vectors: &Vectors| (0..vectors.len()).map(|other| vectors.cosine(row, other)).collect();
        vec![words, cosines(company), cosines(model)]
    };
    let gains = steps.gains(&tried, likenesses, |(company, model), all| {
        (1.0 - company - model) * all[0] + company * all[1] + model * all[2]
    });
    let figure = |wanted: &dyn Fn(&(f32, f32)) -> bool| {
        let of = tried.iter().zip(&gains).filter(|(weights, _)| wanted(weights)).map(|(_, gain)| *gain);
        of.fold(0.0, f64::max) as f32
    };
    let best = tried.iter().zip(&gains).max_by(|a, b| a.1.total_cmp(b.1)).map_or(UNSEEN, |(weights, _)| *weights);
    let figures = [
        figure(&|w| *w == (0.0, 0.0)),
        figure(&|w| w.1 == 0.0),
        figure(&|w| *w == (0.0, 1.0)),
        figure(&|w| *w == best),
    ];
    Fusion { company: best.0, model: best.1, steps: steps.count, figures }
}

impl fmt::Display for Fusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = 1.0 - self.company - self.model;
        write!(
            f,
            "{}",
            t!(
                "words count {words:.2}, LSA {:.2}, the model {:.2}",
                "词面权重 {words:.2}，LSA {:.2}，模型 {:.2}",
                self.company,
                self.model
            )
        )?;
        if self.steps < FEW_STEPS {
            return write!(f, "{}", t!(" (too few steps to choose by)", "（步数太少，无从选择）"));
        }
        let [words, default, model, fused] = self.figures;
        write!(
            f,
            "{}",
            t!(
                "; NDCG@50 of likeness on {} steps: words {words:.3}, with LSA {default:.3}, the model {model:.3}, \
                 all {fused:.3}",
                "；{} 步上相似度的 NDCG@50：词面 {words:.3}，加 LSA {default:.3}，模型 {model:.3}，合用 {fused:.3}",
                self.steps
            )
        )
    }
}

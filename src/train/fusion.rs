//! How the views of texts are weighed, where a text model joins words: by steps that visitors took, near what names and
//! descriptions say of the model while those are few.

use std::collections::BTreeMap;
use std::fmt;

use rayon::prelude::*;

use super::embeddings::{LearnedTexts, VIEWS};
use super::probes::{Probes, Script};
use crate::common::language::{either, t};
use crate::embed::{Sparse, Text};
use crate::index::{Vectors, normalize};

/// How words, what words keep company with (LSA), and a text model's vectors are weighed, and what that was chosen by.
pub struct Fusion {
    /// Of 1; words have the rest.
    company: f32,
    model: f32,
    by: By,
}

/// What weights were chosen by.
enum By {
    /// A setting.
    Setting,
    /// What names and descriptions say of the model, see [`Probes`]: there are too few steps.
    Probes,
    /// So many steps, with the NDCG of words alone, of all that need no model, of the model alone, and of what was chosen.
    Steps(usize, [f32; 4]),
}

/// What LSA is tried to count, of 1.
const COMPANY: [f32; 5] = [0.0, 0.03, 0.06, 0.12, 0.25];

/// What a text model is tried to count, of 1.
pub(super) const MODEL: [f32; 10] = [0.0, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.88, 0.94, 1.0];

/// What LSA and a text model count where nothing tells: as without a model beside short texts, and half for the model.
pub(super) const UNSEEN: (f32, f32) = (0.06, 0.5);

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

    /// How well the most alike hold the next page (NDCG at 50), for each page and each of `tried`: `likenesses` has several
    /// for a row, and `of` makes one of them.
    fn gains<T: Sync>(
        &self,
        tried: &[T],
        likenesses: impl Fn(usize) -> Vec<Vec<f32>> + Sync,
        of: impl Fn(&T, &[f32]) -> f32 + Sync,
    ) -> Vec<Vec<f64>> {
        let gain_of = |(page, to): &(u32, Vec<u32>)| {
            let row = *page as usize;
            let views = likenesses(row);
            let at = |other: usize| views.iter().map(|view| view[other]).collect::<Vec<f32>>();
            let all: Vec<Vec<f32>> = (0..self.listed.len()).map(at).collect();
            let gain = |tried: &T| {
                let likeness: Vec<f32> = all.iter().map(|views| of(tried, views)).collect();
                let of = |to: &u32| {
                    let (to, bound) = (*to as usize, likeness[*to as usize]);
                    let is_above = |o: &usize| *o != row && *o != to && self.listed[*o] && likeness[*o] >= bound;
                    discount((0..likeness.len()).filter(is_above).take(DEEP).count())
                };
                to.iter().map(of).sum::<f64>() / self.count as f64
            };
            tried.iter().map(gain).collect::<Vec<f64>>()
        };
        self.pages.par_iter().map(gain_of).collect()
    }
}

/// What a place in a list is worth (NDCG), the first being 0; nothing far down.
pub(super) fn discount(rank: usize) -> f64 {
    if rank < DEEP { 1.0 / (rank as f64 + 2.0).log2() } else { 0.0 }
}

/// Which of those tried to choose: the nearest to what is expected, as `away` says, among those that are not worse than the
/// best by more than chance makes, a standard error of the difference. `gains` has a row of what each gained for each page or
/// name. The more there are, the less counts what was expected.
pub(super) fn chosen(gains: &[Vec<f64>], away: impl Fn(usize) -> f32) -> usize {
    let tried = gains.first().map_or(0, Vec::len);
    let sum = |place: usize| gains.iter().map(|of| of[place]).sum::<f64>();
    let Some(best) = (0..tried).max_by(|a, b| sum(*a).total_cmp(&sum(*b)).then(b.cmp(a))) else { return 0 };
    let count = gains.len() as f64;
    let is_as_good = |place: &usize| {
        let mean = (sum(best) - sum(*place)) / count;
        let square = gains.iter().map(|of| (of[best] - of[*place] - mean).powi(2)).sum::<f64>();
        mean * count <= (square * count / (count - 1.0).max(1.0)).sqrt()
    };
    (0..tried).filter(is_as_good).min_by(|a, b| away(*a).total_cmp(&away(*b)).then(a.cmp(b))).unwrap_or(best)
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

/// All views count the same; or only name and description do, where tags say too little to be read alone.
const EXPECTED: [usize; 2] = [0, MIXTURES.len() - 1];

/// One vector of a model's several of each dataset: the mean of those views with which the most alike hold the next page
/// best, less what all datasets have in common. And which views. Datasets in a language that the model is of no use for have
/// none, unless settings say how much it counts.
pub fn mixed(learned: &LearnedTexts, texts: &[Text], steps: &Steps<'_>, given: Option<f32>) -> (Vectors, String) {
    let LearnedTexts { views, probes, .. } = learned;
    let expected = EXPECTED[usize::from(!probes.tags_tell())];
    let is_asked_for = !learned.is_carried && (given.is_some() || !steps.are_few());
    let is_left_out = |text: &Text| !is_asked_for && !probes.is_of_use(Script::of(text));
    let left_out: Vec<bool> = texts.iter().map(is_left_out).collect();
    let best = match steps.are_few() {
        true => expected,
        false => {
            let mixtures: Vec<Vectors> = MIXTURES.iter().map(|weights| mixture(views, weights, &left_out)).collect();
            let cosines = |row: usize| {
                let of = |vectors: &Vectors| (0..vectors.len()).map(|o| vectors.cosine(row, o)).collect();
                mixtures.iter().map(of).collect()
            };
            let gains = steps.gains(&(0..mixtures.len()).collect::<Vec<_>>(), cosines, |mixture, all| all[*mixture]);
            chosen(&gains, |mixture| f32::from(u8::from(mixture != expected)))
        }
    };
    let named = VIEWS.iter().zip(MIXTURES[best]).filter(|(_, weight)| *weight > 0.0);
    let names: Vec<String> =
        named.map(|((english, chinese), weight)| format!("{} x {weight}", either(english, chinese))).collect();
    (mixture(views, &MIXTURES[best], &left_out), names.join(" + "))
}

fn mixture(views: &[Vectors; VIEWS.len()], weights: &[f32; VIEWS.len()], left_out: &[bool]) -> Vectors {
    let (rows, dimensions) = (views[0].len(), views[0].dimensions());
    let mut data = vec![0.0_f32; rows * dimensions];
    for (view, weight) in views.iter().zip(weights).filter(|(_, weight)| **weight > 0.0) {
        for (row, sum) in data.chunks_exact_mut(dimensions).enumerate().filter(|(row, _)| !left_out[*row]) {
            sum.iter_mut().zip(view.row(row).numbers()).for_each(|(sum, value)| *sum += weight * value);
        }
    }
    centred(dimensions, data)
}

/// Rows of so many numbers at length 1, less what all of them have in common; zero ones stay zero.
pub(super) fn centred(dimensions: usize, mut data: Vec<f32>) -> Vectors {
    let rows = data.len() / dimensions;
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

/// Chooses the weights with which the most alike hold the next page best, near what is expected where there is little to
/// choose by; `given` is what settings say the model counts.
pub fn fusion(
    sparse: &Sparse,
    company: &Vectors,
    model: &Vectors,
    (probes, steps): (&Probes, &Steps<'_>),
    given: Option<f32>,
) -> Fusion {
    let weight = given.unwrap_or_else(|| probes.weight());
    let expected = (UNSEEN.0.min(1.0 - weight), weight);
    if given.is_some() || steps.are_few() {
        let by = if given.is_some() { By::Setting } else { By::Probes };
        return Fusion { company: expected.0, model: expected.1, by };
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
    let place = chosen(&gains, |place| (tried[place].0 - expected.0).abs() + (tried[place].1 - expected.1).abs());
    let best = tried[place];
    let figure = |wanted: &dyn Fn(&(f32, f32)) -> bool| {
        let of = (0..tried.len()).filter(|place| wanted(&tried[*place]));
        of.map(|place| gains.iter().map(|of| of[place]).sum::<f64>()).fold(0.0, f64::max) as f32
    };
    let figures = [
        figure(&|w| *w == (0.0, 0.0)),
        figure(&|w| w.1 == 0.0),
        figure(&|w| *w == (0.0, 1.0)),
        figure(&|w| *w == best),
    ];
    Fusion { company: best.0, model: best.1, by: By::Steps(steps.count, figures) }
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
        match &self.by {
            By::Setting => write!(f, "{}", either(" (TEXT_MODEL_WEIGHT)", "（TEXT_MODEL_WEIGHT）")),
            By::Probes => write!(f, "{}", either(" (too few steps to choose by)", "（步数太少，无从选择）")),
            By::Steps(steps, [words, default, model, fused]) => write!(
                f,
                "{}",
                t!(
                    "; NDCG@50 of likeness on {steps} steps: words {words:.3}, with LSA {default:.3}, the model {model:.3}, \
                     all {fused:.3}",
                    "；{steps} 步上相似度的 NDCG@50：词面 {words:.3}，加 LSA {default:.3}，模型 {model:.3}，合用 {fused:.3}"
                )
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_holds_until_the_difference_is_more_than_chance() {
        let near = |expected: usize| move |place: usize| (place as f32 - expected as f32).abs();
        // the last is best in every second case, by as much as it is worse in the others, and a little more
        let even: Vec<Vec<f64>> = (0..100).map(|k| vec![0.5, if k % 2 == 0 { 0.0 } else { 1.02 }]).collect();
        assert_eq!((chosen(&even, near(0)), chosen(&even, near(1))), (0, 1));
        let better: Vec<Vec<f64>> = (0..100).map(|k| vec![0.5, if k % 4 == 0 { 0.0 } else { 1.0 }]).collect();
        assert_eq!((chosen(&better, near(0)), chosen(&better, near(1))), (1, 1));
        assert_eq!(chosen(&[], near(3)), 0);
    }
}

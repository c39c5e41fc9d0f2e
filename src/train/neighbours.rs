//! Each dataset's candidates: what visitors went on to, what they could have gone on to in two steps, what goes with
//! datasets of the same kind, and what is alike in words.

use std::ops::{Index, IndexMut};

use rayon::prelude::*;

use super::catalogue::{Catalogue, KEPT};
use super::data::{Behaviour, Relations};
use super::similarity::Similarity;
use crate::embed::{self, Sparse};
use crate::index::{Vectors, dot};
use crate::model::{CLICKS_PRIOR_WEIGHT, CONTENT_PRIOR_WEIGHT, Feature, Figure, Figures, Neighbour};

/// How many dimensions vectors of behaviour have, where there are so many datasets.
const DIMENSIONS: usize = 128;

/// Singular values count by their square root: the small themes are the ones that tell datasets apart (Levy, Goldberg,
/// Dagan 2015).
const WEIGHTING: f64 = 0.5;

/// With how many candidates, the best by what visitors did, a dataset's text is compared beside those known to be alike.
const COMPARED: usize = 400;

/// How many alike datasets lend theirs.
const LENDERS: usize = 10;

/// How many datasets whose pictures are alike become candidates.
const LOOK_ALIKE: usize = 20;

/// Vectors whose cosine says how much two datasets are met with the same others: a truncated SVD of their affinities.
pub fn behaviour_vectors(affinities: &[Vec<(u32, f32)>]) -> Vectors {
    embed::reduce(&Sparse::new(affinities.to_vec(), affinities.len()), DIMENSIONS, WEIGHTING)
}

/// The best candidates of every item, by the prior order.
pub fn build(catalogue: &Catalogue, read: &Relations, behaviour: &Vectors) -> Vec<Vec<Neighbour>> {
    let Catalogue { sparse, index, dense_weight, weights, .. } = catalogue;
    let similarity = Similarity { sparse, index, dense_weight: *dense_weight, weights };
    let of = |row| {
        let scored = proposed(row, catalogue, read).all.into_iter();
        let scored = scored.map(|candidate| (candidate, prior(row, &candidate, catalogue, read, behaviour))).collect();
        kept(row, scored, catalogue, read, &similarity)
    };
    (0..catalogue.len()).into_par_iter().map(of).collect()
}

/// All candidates of a row, with what visitors and lists say of them.
fn proposed(row: usize, catalogue: &Catalogue, read: &Relations) -> Candidates {
    let mut found = Candidates::new(row, catalogue.len());
    for direct in &read.behaviour[row] {
        found.change(direct.item, |n| {
            n[Figure::Organic] = direct.organic;
            n[Figure::Followed] = direct.followed;
            n.next_organic = direct.next_organic;
            n.next_followed = direct.next_followed;
            n.visits = direct.visits;
        });
        for further in read.behaviour[direct.item as usize].iter().filter(|f| f.organic > 0.0 && direct.organic > 0.0) {
            found.change(further.item, |n| n[Figure::Walk] += direct.organic * further.organic);
        }
    }
    for shown in read.evidence[row].iter().filter(|shown| read.items[shown.item as usize].is_listed) {
        found.change(shown.item, |n| {
            n[Figure::Examined] = shown.examined;
            n.clicks = shown.clicks;
        });
    }
    let alike = &catalogue.alike[row];
    let total: f32 = alike.iter().take(LENDERS).map(|(_, cosine)| cosine).sum::<f32>().max(1e-6);
    for (lender, cosine) in alike.iter().take(LENDERS) {
        for lent in read.behaviour[*lender as usize].iter().filter(|lent| lent.organic > 0.0) {
            found.change(lent.item, |n| n[Figure::Bridge] += cosine / total * lent.organic);
        }
    }
    for (item, _) in alike {
        found.change(*item, |_| ());
    }
    let pictures = &catalogue.pictures;
    if let Some(own) = pictures.vectors().find(row) {
        for (item, _) in pictures.nearest(own, LOOK_ALIKE + 1) {
            if read.items[item as usize].is_listed {
                found.change(item, |_| ());
            }
        }
    }
    found
}

/// What is known of a candidate before its text is compared, in the order of the prior's sum.
fn prior(row: usize, n: &Candidate, catalogue: &Catalogue, read: &Relations, behaviour: &Vectors) -> f32 {
    let item = n.item as usize;
    let weight = Feature::prior_weight;
    weight(Feature::Organic) * n[Figure::Organic]
        + weight(Feature::Followed) * n[Figure::Followed]
        + weight(Feature::Walk) * n[Figure::Walk]
        + weight(Feature::Bridge) * n[Figure::Bridge]
        + weight(Feature::Kinship) * dot(behaviour.row(row), behaviour.row(item))
        + CLICKS_PRIOR_WEIGHT * n.clicks as f32 / (1.0 + n[Figure::Examined])
        + weight(Feature::Pictures) * catalogue.pictures.vectors().cosine(row, item)
        + weight(Feature::Popularity) * (read.items[item].views as f32).ln_1p()
}

/// The best of a row's candidates. Texts are compared only where that can matter: with the best of the rest, and with those
/// known to be alike.
fn kept(
    row: usize,
    mut scored: Vec<(Candidate, f32)>,
    catalogue: &Catalogue,
    read: &Relations,
    similarity: &Similarity<'_>,
) -> Vec<Neighbour> {
    let order = |a: &(Candidate, f32), b: &(Candidate, f32)| b.1.total_cmp(&a.1).then(a.0.item.cmp(&b.0.item));
    if scored.len() > COMPARED {
        scored.select_nth_unstable_by(COMPARED, order);
        let is_alike = |item: u32| catalogue.alike[row].iter().any(|(other, _)| *other == item);
        let others = scored.split_off(COMPARED);
        scored.extend(others.into_iter().filter(|(n, _)| is_alike(n.item)));
    }
    let words = similarity.sparse.cosines(row, scored.iter().map(|(n, _)| n.item as usize));
    for ((n, prior), words) in scored.iter_mut().zip(words) {
        let item = n.item as usize;
        n[Figure::Reverse] = backwards(&read.behaviour[item], row as u32);
        n[Figure::Lexical] = words * similarity.weights[item];
        *prior += CONTENT_PRIOR_WEIGHT * similarity.likeness(row, item, words);
    }
    scored.sort_by(order);
    // a vector of its own: collecting in place would keep the room of all that were looked at
    let mut kept = Vec::with_capacity(scored.len().min(KEPT));
    kept.extend(scored.iter().take(KEPT).map(|(candidate, _)| candidate.neighbour()));
    kept
}

/// A [`Neighbour`] in the making.
#[derive(Clone, Copy, Default)]
struct Candidate {
    item: u32,
    figures: [f32; Figure::STORED.len()],
    next_organic: u32,
    next_followed: u32,
    visits: u32,
    clicks: u32,
}

impl Index<Figure> for Candidate {
    type Output = f32;

    fn index(&self, figure: Figure) -> &f32 {
        &self.figures[figure as usize]
    }
}

impl IndexMut<Figure> for Candidate {
    fn index_mut(&mut self, figure: Figure) -> &mut f32 {
        &mut self.figures[figure as usize]
    }
}

impl Candidate {
    /// As a version keeps it: counts beyond what fits are the most that fits.
    fn neighbour(&self) -> Neighbour {
        let mut figures = Figures::default();
        for figure in Figure::STORED {
            figures.set(figure, self[figure]);
        }
        let count = |count: u32| count.try_into().unwrap_or(u16::MAX);
        Neighbour {
            item: self.item,
            figures,
            next_organic: self.next_organic.try_into().unwrap_or(u8::MAX),
            next_followed: self.next_followed.try_into().unwrap_or(u8::MAX),
            visits: count(self.visits),
            clicks: count(self.clicks),
        }
    }
}

/// Candidates of one row, each once, without the row itself.
struct Candidates {
    row: usize,
    all: Vec<Candidate>,
    /// Where each item stands in `all`, from 1; 0 for one that is not there yet.
    positions: Vec<u32>,
}

impl Candidates {
    fn new(row: usize, items: usize) -> Self {
        Self { row, all: Vec::new(), positions: vec![0; items] }
    }

    /// Changes what is known of an item, which is a candidate from then on.
    fn change(&mut self, item: u32, change: impl FnOnce(&mut Candidate)) {
        if item as usize == self.row {
            return;
        }
        let position = &mut self.positions[item as usize];
        if *position == 0 {
            self.all.push(Candidate { item, ..Candidate::default() });
            *position = self.all.len() as u32;
        }
        change(&mut self.all[*position as usize - 1]);
    }
}

/// `organic` from `other`'s row to `item`; rows are in the order of items.
fn backwards(row: &[Behaviour], item: u32) -> f32 {
    row.binary_search_by_key(&item, |b| b.item).map_or(0.0, |at| row[at].organic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_that_do_not_fit_are_the_most_that_does() {
        let kept =
            Candidate { next_organic: 300, next_followed: 255, visits: 70_000, clicks: 7, ..Candidate::default() };
        let kept = kept.neighbour();
        assert_eq!((kept.next_organic, kept.next_followed, kept.visits, kept.clicks), (255, 255, 65_535, 7));
    }
}

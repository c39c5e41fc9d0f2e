//! Each dataset's candidates: what visitors went on to, what they could have gone on to in two steps, what goes with
//! datasets of the same kind, and what is alike in words.

use rayon::prelude::*;

use super::content::Similarity;
use super::relations::{Behaviour, Read};
use super::{Catalogue, KEPT};
use crate::embed::{self, Sparse};
use crate::index::{Vectors, dot};
use crate::model::{Figure, Figures, Neighbour};
use crate::recommend::features::{
    BRIDGE, CONTENT_WEIGHT, FOLLOWED, KINSHIP, ORGANIC, PICTURES, POPULARITY, PRIOR_WEIGHTS, WALK,
};

/// How many dimensions vectors of behaviour have, where there are so many datasets.
const DIMENSIONS: usize = 128;

/// Singular values count by their square root: the small themes are the ones that tell datasets apart (Levy, Goldberg,
/// Dagan 2015).
const WEIGHTING: f64 = 0.5;

/// With how many candidates, the best by what visitors did, a dataset's text is compared beside those known to be alike.
const COMPARED: usize = 400;

/// How many alike datasets lend theirs, and how many texts are looked at as candidates of their own.
const LENDERS: usize = 10;

/// How many datasets whose pictures are alike become candidates.
const LOOK_ALIKE: usize = 20;

/// Vectors whose cosine says how much two datasets are met with the same others: a truncated SVD of their affinities.
pub fn behaviour_vectors(affinities: &[Vec<(u32, f32)>]) -> Vectors {
    embed::reduce(&Sparse::new(affinities.to_vec(), affinities.len()), DIMENSIONS, WEIGHTING)
}

/// The best candidates of every item, by the prior order.
pub fn build(catalogue: &Catalogue, read: &Read, behaviour: &Vectors) -> Vec<Vec<Neighbour>> {
    let Catalogue { sparse, index, dense_weight, weights, .. } = catalogue;
    let similarity = Similarity { sparse, index, dense_weight: *dense_weight, weights };
    (0..catalogue.len()).into_par_iter().map(|row| of(row, catalogue, read, behaviour, &similarity)).collect()
}

fn of(
    row: usize,
    catalogue: &Catalogue,
    read: &Read,
    behaviour: &Vectors,
    similarity: &Similarity<'_>,
) -> Vec<Neighbour> {
    let mut found = Found::new(catalogue.len());
    let mut at = |item: u32, change: &dyn Fn(&mut Candidate)| {
        if item as usize != row {
            change(found.of(item));
        }
    };
    for direct in &read.behaviour[row] {
        at(direct.item, &|n| {
            n.organic = direct.organic;
            n.followed = direct.followed;
            n.next_organic = direct.next_organic;
            n.next_followed = direct.next_followed;
            n.visits = direct.visits;
        });
        for further in read.behaviour[direct.item as usize].iter().filter(|f| f.organic > 0.0 && direct.organic > 0.0) {
            at(further.item, &|n| n.walk += direct.organic * further.organic);
        }
    }
    for shown in read.evidence[row].iter().filter(|shown| read.items[shown.item as usize].is_listed) {
        at(shown.item, &|n| {
            n.examined = shown.examined;
            n.clicks = shown.clicks;
        });
    }
    let alike = &catalogue.alike[row];
    let total: f32 = alike.iter().take(LENDERS).map(|(_, cosine)| cosine).sum::<f32>().max(1e-6);
    for (lender, cosine) in alike.iter().take(LENDERS) {
        for lent in read.behaviour[*lender as usize].iter().filter(|lent| lent.organic > 0.0) {
            at(lent.item, &|n| n.bridge += cosine / total * lent.organic);
        }
    }
    for (item, _) in alike {
        at(*item, &|_| ());
    }
    let pictures = &catalogue.pictures;
    if let Some(own) = pictures.vectors().find(row) {
        for (item, _) in pictures.nearest(own, LOOK_ALIKE + 1) {
            if read.items[item as usize].is_listed {
                at(item, &|_| ());
            }
        }
    }
    let weight = |feature: usize| PRIOR_WEIGHTS.iter().find(|(f, _)| *f == feature).map_or(0.0, |(_, w)| *w);
    let order = |a: &(Candidate, f32), b: &(Candidate, f32)| b.1.total_cmp(&a.1).then(a.0.item.cmp(&b.0.item));
    let mut scored: Vec<(Candidate, f32)> = found
        .all
        .into_iter()
        .map(|n| {
            let item = n.item as usize;
            let prior = weight(ORGANIC) * n.organic
                + weight(FOLLOWED) * n.followed
                + weight(WALK) * n.walk
                + weight(BRIDGE) * n.bridge
                + weight(KINSHIP) * dot(behaviour.row(row), behaviour.row(item))
                + 0.02 * n.clicks as f32 / (1.0 + n.examined)
                + weight(PICTURES) * catalogue.pictures.vectors().cosine(row, item)
                + weight(POPULARITY) * (read.items[item].views as f32).ln_1p();
            (n, prior)
        })
        .collect();
    // texts are compared only where that can matter: with the best of the rest, and with those known to be alike
    if scored.len() > COMPARED {
        scored.select_nth_unstable_by(COMPARED, order);
        let is_alike = |item: u32| alike.iter().any(|(other, _)| *other == item);
        let others = scored.split_off(COMPARED);
        scored.extend(others.into_iter().filter(|(n, _)| is_alike(n.item)));
    }
    let words = similarity.sparse.cosines(row, scored.iter().map(|(n, _)| n.item as usize));
    for ((n, prior), words) in scored.iter_mut().zip(words) {
        let item = n.item as usize;
        n.reverse = backwards(&read.behaviour[item], row as u32);
        n.lexical = words * similarity.weights[item];
        *prior += CONTENT_WEIGHT * similarity.likeness(row, item, words);
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
    organic: f32,
    followed: f32,
    reverse: f32,
    walk: f32,
    bridge: f32,
    lexical: f32,
    examined: f32,
    next_organic: u32,
    next_followed: u32,
    visits: u32,
    clicks: u32,
}

impl Candidate {
    fn neighbour(&self) -> Neighbour {
        let mut figures = Figures::default();
        for (figure, value) in [
            (Figure::Organic, self.organic),
            (Figure::Followed, self.followed),
            (Figure::Reverse, self.reverse),
            (Figure::Walk, self.walk),
            (Figure::Bridge, self.bridge),
            (Figure::Lexical, self.lexical),
            (Figure::Examined, self.examined),
        ] {
            figures.set(figure, value);
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

/// Candidates of one row, each once.
struct Found {
    all: Vec<Candidate>,
    /// Where each item stands in `all`, from 1; 0 for one that is not there yet.
    places: Vec<u32>,
}

impl Found {
    fn new(items: usize) -> Self {
        Self { all: Vec::new(), places: vec![0; items] }
    }

    fn of(&mut self, item: u32) -> &mut Candidate {
        let place = &mut self.places[item as usize];
        if *place == 0 {
            self.all.push(Candidate { item, ..Candidate::default() });
            *place = self.all.len() as u32;
        }
        &mut self.all[*place as usize - 1]
    }
}

/// `organic` from `other`'s row to `item`; rows are in the order of items.
fn backwards(row: &[Behaviour], item: u32) -> f32 {
    row.binary_search_by_key(&item, |b| b.item).map_or(0.0, |place| row[place].organic)
}

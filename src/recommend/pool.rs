//! Recall: from a request to at most 192 candidates, each with what every channel says of it.
//!
//! What is fixed per dataset was worked out when training; here the pages of the visit so far join it. What costs most to know
//! is worked out only for those that are kept.

use std::cell::RefCell;

use super::Request;
use super::channels::sessions::SessionPrefix;
use super::channels::{self, Weights, popular, taste};
use super::features::{self, LN_1P};
use super::sums::Sums;
use crate::model::{CANDIDATES, Columns, Feature, Model, Neighbour};

/// Candidates and their features.
#[derive(Clone, Default)]
pub struct Pool {
    /// The datasets, as indices into the model's items.
    pub items: Vec<u32>,
    /// The page's own figures for a candidate; all zero for one that another channel proposed.
    pub neighbours: Vec<Neighbour>,
    /// Their features, the first rows for the candidates in their order.
    pub columns: Columns,
    /// How much the dense view of texts counts beside words, of 1.
    pub dense_weight: f32,
}

impl Pool {
    /// Keeps the candidates that the prior has among its first `count`; what they were judged beside stays in their
    /// features.
    pub fn shorten(&mut self, count: usize) {
        self.keep(count, Feature::ALL);
    }

    /// As [`Self::shorten`], where only some features are known yet.
    fn keep<const N: usize>(&mut self, count: usize, features: [Feature; N]) {
        if self.items.len() <= count {
            return;
        }
        let ranks = self.columns.column(Feature::PriorRank);
        let bound = LN_1P[count] - 1e-4;
        let mut kept = [0_u8; CANDIDATES];
        let mut length = 0;
        for (candidate, rank) in ranks[..self.items.len()].iter().enumerate() {
            kept[length] = candidate as u8;
            length += usize::from(*rank < bound);
        }
        let kept = &kept[..length];
        for feature in features {
            let column = self.columns.column_mut(feature);
            for (to, from) in kept.iter().enumerate() {
                column[to] = column[*from as usize];
            }
        }
        for (to, from) in kept.iter().enumerate() {
            self.items[to] = self.items[*from as usize];
            self.neighbours[to] = self.neighbours[*from as usize];
        }
        self.items.truncate(length);
        self.neighbours.truncate(length);
    }
}

/// What is kept between requests so that nothing is allocated for a request.
#[derive(Default)]
struct Scratch {
    prefix: SessionPrefix,
    /// Not zero for what is a candidate already, or must be none.
    taken: Sums,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Collects candidates and their features into `pool`: listed ones, without the page itself and what the user bought, the
/// `count` best of them by the prior. Channels that weigh nothing have no say. Returns how many there were.
pub fn gather(model: &Model, request: &Request<'_>, weights: &Weights, count: usize, pool: &mut Pool) -> usize {
    SCRATCH.with_borrow_mut(|Scratch { prefix, taken }| {
        taken.reset(model.parts.items.len());
        pool.items.clear();
        pool.neighbours.clear();
        for item in request.page.into_iter().chain(request.user.iter().flat_map(|u| u.bought.iter().copied())) {
            taken.add(item, 1.0);
        }
        let mut propose = |neighbour: Neighbour| {
            let item = neighbour.item;
            let is_new = pool.items.len() < CANDIDATES && model.facts[item as usize].is_listed && taken.add(item, 1.0);
            if is_new {
                pool.items.push(item);
                pool.neighbours.push(neighbour);
            }
            is_new
        };
        let own = request.page.map(|page| model.neighbours(page)).unwrap_or_default();
        let own = own.iter().filter(|neighbour| propose(**neighbour)).count();
        let mut propose_alone = |item: u32| propose(Neighbour { item, ..Neighbour::default() });
        prefix.follow(model, request, &mut propose_alone);
        for item in taste::proposed(request).chain(popular::proposed(model)) {
            propose_alone(item);
        }
        features::recall(model, request, prefix, own, pool);
        channels::clear(weights, pool);
        features::summarize(pool);
        let found = pool.items.len();
        pool.keep(count, features::RECALLED);
        features::complete(model, request, prefix, pool);
        channels::clear(weights, pool);
        found
    })
}

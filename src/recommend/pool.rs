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

/// How many candidates there were, by who proposed them first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recalled {
    /// The page's neighbours.
    pub neighbours: usize,
    /// The pages before this one, and past visits that hold them.
    pub sessions: usize,
    /// What is near a known user's earlier pages.
    pub taste: usize,
    /// What is popular.
    pub popular: usize,
}

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
pub fn gather(model: &Model, request: &Request<'_>, weights: &Weights, count: usize, pool: &mut Pool) -> Recalled {
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
        let mut sessions = 0;
        prefix.follow(model, request, |item| {
            let is_new = propose_alone(item);
            sessions += usize::from(is_new);
            is_new
        });
        let taste = taste::proposed(request).filter(|item| propose_alone(*item)).count();
        let popular = popular::proposed(model).filter(|item| propose_alone(*item)).count();
        features::recall(model, request, prefix, own, pool);
        channels::clear(weights, pool);
        features::summarize(pool);
        pool.keep(count, features::RECALLED);
        features::complete(model, request, prefix, pool);
        channels::clear(weights, pool);
        Recalled { neighbours: own, sessions, taste, popular }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Figure;
    use crate::model::fixtures::{USER, small};
    use crate::recommend::channels::AS_LEARNED;

    fn gathered(model: &Model, request: &Request<'_>, weights: &Weights, count: usize) -> (Pool, usize) {
        let mut pool = Pool::default();
        let Recalled { neighbours, sessions, taste, popular } = gather(model, request, weights, count, &mut pool);
        (pool, neighbours + sessions + taste + popular)
    }

    #[test]
    fn candidates_are_listed_new_to_the_user_and_there_once() {
        let model = small();
        let user = model.parts.users.get(&USER);
        let request = Request { page: Some(0), user, recent: &[4, 0, 6, 4], ..Request::default() };
        let (pool, found) = gathered(&model, &request, &AS_LEARNED, CANDIDATES);
        // the page's neighbour 2 (1 was bought), the page before, what visits hold beside both, the user's taste
        let mut items = pool.items.clone();
        items.sort_unstable();
        assert_eq!(items, [2, 3, 4, 5]);
        assert_eq!((found, pool.items[0]), (4, 2));
        assert_eq!(pool.neighbours[0].figures.get(Figure::Walk), 0.25);
        let of = |feature: Feature, item: u32| {
            pool.items.iter().position(|i| *i == item).map(|candidate| pool.columns.column(feature)[candidate])
        };
        assert_eq!(of(Feature::Seen, 4), Some(1.0));
        assert_eq!(of(Feature::SameProvider, 2), Some(1.0));
        assert_eq!(of(Feature::SameProvider, 3), Some(0.0));
        assert_eq!(of(Feature::PrefixLength, 3), Some(2.0));
    }

    #[test]
    fn a_request_leaves_nothing_to_the_next() {
        let model = small();
        let request = Request { page: Some(0), ..Request::default() };
        let before = gathered(&model, &request, &AS_LEARNED, CANDIDATES).0;
        gathered(&model, &Request { recent: &[2, 3], ..request }, &AS_LEARNED, CANDIDATES);
        let after = gathered(&model, &request, &AS_LEARNED, CANDIDATES).0;
        assert_eq!(before.items, after.items);
        (0..before.items.len()).for_each(|candidate| {
            assert_eq!(before.columns.row(candidate), after.columns.row(candidate));
        });
    }

    #[test]
    fn fewer_candidates_are_the_best_by_the_prior_with_all_they_were_judged_by() {
        let model = small();
        let request = Request { page: Some(0), recent: &[4], ..Request::default() };
        let (all, found) = gathered(&model, &request, &AS_LEARNED, CANDIDATES);
        let (few, same) = gathered(&model, &request, &AS_LEARNED, 2);
        assert_eq!((few.items.len(), same), (2, found));
        let mut shortened = all.clone();
        shortened.shorten(2);
        assert_eq!(shortened.items, few.items);
        for (candidate, item) in few.items.iter().enumerate() {
            let before = all.items.iter().position(|other| other == item).map(|other| all.columns.row(other));
            assert_eq!(Some(few.columns.row(candidate)), before);
            assert_eq!(shortened.columns.row(candidate), few.columns.row(candidate));
        }
        let prior = all.columns.column(Feature::Prior);
        let least = few.columns.column(Feature::Prior)[..2].iter().copied().fold(f32::INFINITY, f32::min);
        assert_eq!(prior[..found].iter().filter(|value| **value > least).count(), 1);
    }

    #[test]
    fn a_channel_that_weighs_nothing_says_nothing() {
        let model = small();
        let mut weights = AS_LEARNED;
        weights[crate::model::Channel::Behaviour as usize] = 0.0;
        let request = Request { page: Some(0), ..Request::default() };
        let (pool, found) = gathered(&model, &request, &weights, CANDIDATES);
        for feature in [Feature::Organic, Feature::Walk, Feature::Visits, Feature::NextOrganic] {
            assert_eq!(pool.columns.column(feature)[..found], vec![0.0; found]);
        }
        assert!(pool.columns.column(Feature::Lexical)[..found].iter().any(|value| *value > 0.0));
    }
}

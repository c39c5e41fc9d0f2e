//! Recall: from a request to at most 200 candidates, each with what every channel says of it.
//!
//! What is fixed per dataset was worked out when training; here the visitor's trail joins it: the neighbours of the pages
//! looked at before, and the past visits most like this one.

use std::cell::RefCell;

use super::Request;
use super::features::{self, LN_1P, PRIOR_RANK};
use crate::index::top;
use crate::model::{CANDIDATES, Columns, FEATURES, Model, Neighbour};

/// How many pages of the trail count, and how much each older one counts beside the one after it.
pub const TRAIL_LENGTH: usize = 8;
pub const TRAIL_DECAY: f32 = 0.7;

/// How many candidates the channels beside the page's own neighbours may propose.
const FROM_SESSIONS: usize = 40;
const FROM_TRAIL: usize = 15;
const FROM_POPULAR: usize = 20;

/// How many past visits are compared (k of VMIS-kNN).
const SESSION_NEIGHBOURS: usize = 500;

/// Candidates and their features.
#[derive(Clone, Default)]
pub struct Pool {
    pub items: Vec<u32>,
    /// The page's own figures for a candidate; all zero for one that another channel proposed.
    pub neighbours: Vec<Neighbour>,
    pub columns: Columns,
    /// How much the dense view of texts counts beside words, of 1.
    pub dense_weight: f32,
}

impl Pool {
    /// Keeps the candidates that the prior has among its first `count`; what they were judged beside stays in their
    /// features.
    pub fn shorten(&mut self, count: usize) {
        if self.items.len() <= count {
            return;
        }
        let ranks = self.columns.column(PRIOR_RANK);
        let bound = LN_1P[count] - 1e-4;
        let mut kept = [0_u8; CANDIDATES];
        let mut length = 0;
        for (candidate, rank) in ranks[..self.items.len()].iter().enumerate() {
            kept[length] = candidate as u8;
            length += usize::from(*rank < bound);
        }
        let kept = &kept[..length];
        for feature in 0..FEATURES.len() {
            let column = self.columns.column_mut(feature);
            for (place, from) in kept.iter().enumerate() {
                column[place] = column[*from as usize];
            }
        }
        for (place, from) in kept.iter().enumerate() {
            self.items[place] = self.items[*from as usize];
            self.neighbours[place] = self.neighbours[*from as usize];
        }
        self.items.truncate(length);
        self.neighbours.truncate(length);
    }
}

/// Sums over items, kept between requests so that none is allocated for a request: all zero in between.
#[derive(Default)]
pub(super) struct Scratch {
    visits: Sums,
    sessions: Sums,
    trail: Sums,
    last: Sums,
    taken: Sums,
}

/// A number for each item or visit, and those that are not zero.
#[derive(Default)]
pub(super) struct Sums {
    values: Vec<f32>,
    touched: Vec<u32>,
}

impl Sums {
    /// Makes room, and forgets what was there.
    fn reset(&mut self, len: usize) {
        for index in self.touched.drain(..) {
            self.values[index as usize] = 0.0;
        }
        if self.values.len() < len {
            self.values.resize(len, 0.0);
        }
    }

    /// Adds to a number; whether it was zero.
    fn add(&mut self, index: u32, value: f32) -> bool {
        let sum = &mut self.values[index as usize];
        let is_new = *sum == 0.0;
        if is_new {
            self.touched.push(index);
        }
        *sum += value;
        is_new
    }

    pub fn get(&self, index: u32) -> f32 {
        self.values[index as usize]
    }
}

/// What the visitor's way so far says of candidates, for [`features`].
pub(super) struct Trail<'a> {
    /// The pages before this one, newest first, each once.
    pub items: Vec<u32>,
    /// Past visits like this one, as a share of the best.
    pub sessions: &'a Sums,
    /// Neighbours of the pages before.
    pub behaviour: &'a Sums,
    /// Neighbours of the last of them.
    pub last: &'a Sums,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Collects candidates and their features into `pool`: listed ones, without the page itself and what the user bought.
pub fn gather(model: &Model, request: &Request<'_>, pool: &mut Pool) {
    SCRATCH.with_borrow_mut(|scratch| {
        let Scratch { visits, sessions, trail: behaviour, last, taken } = scratch;
        let items = model.parts.items.len();
        for sums in [&mut *sessions, &mut *behaviour, &mut *last, &mut *taken] {
            sums.reset(items);
        }
        visits.reset(model.parts.sessions.len());
        let trail = trail_items(request);
        pool.items.clear();
        pool.neighbours.clear();
        for item in request.page.into_iter().chain(request.user.iter().flat_map(|u| u.bought.iter().copied())) {
            taken.add(item, 1.0);
        }
        let mut propose = |neighbour: Neighbour| {
            if pool.items.len() < CANDIDATES && model.item(neighbour.item).is_listed && taken.add(neighbour.item, 1.0) {
                pool.items.push(neighbour.item);
                pool.neighbours.push(neighbour);
            }
        };
        if let Some(page) = request.page {
            model.neighbours(page).iter().for_each(|n| propose(*n));
        }
        let alone = |item: u32| Neighbour { item, ..Neighbour::default() };
        trail.iter().for_each(|item| propose(alone(*item)));
        for (item, _) in like_visits(model, request.page, &trail, visits, sessions) {
            propose(alone(item));
        }
        for (age, before) in trail.iter().enumerate() {
            let decay = TRAIL_DECAY.powi(age as i32);
            for (place, neighbour) in model.neighbours(*before).iter().enumerate() {
                let score = neighbour.organic + neighbour.walk;
                if score > 0.0 {
                    behaviour.add(neighbour.item, decay * score);
                    if age == 0 {
                        last.add(neighbour.item, score);
                    }
                }
                if place < FROM_TRAIL && age < 3 {
                    propose(alone(neighbour.item));
                }
            }
        }
        request.user.iter().flat_map(|user| &user.taste).for_each(|item| propose(alone(*item)));
        model.parts.popular.iter().take(FROM_POPULAR).for_each(|ranked| propose(alone(ranked.item)));
        let trail = Trail { items: trail, sessions, behaviour, last };
        features::compute(model, request, &trail, pool);
    });
}

/// The pages of this visit before this one, newest first, each once.
fn trail_items(request: &Request<'_>) -> Vec<u32> {
    let mut trail = Vec::with_capacity(TRAIL_LENGTH);
    for item in request.recent {
        if trail.len() < TRAIL_LENGTH && Some(*item) != request.page && !trail.contains(item) {
            trail.push(*item);
        }
    }
    trail
}

/// Past visits that hold the same pages, the later pages counting more, and what else they hold, rare things more
/// (VMIS-kNN, Kersbergen, Sprangers, Schelter 2022). Fills `sums` with shares of the best, returns the best items.
fn like_visits(model: &Model, page: Option<u32>, trail: &[u32], visits: &mut Sums, sums: &mut Sums) -> Vec<(u32, f32)> {
    let sessions = &model.parts.sessions;
    let way: Vec<u32> = page.into_iter().chain(trail.iter().copied()).collect();
    for (age, item) in way.iter().enumerate() {
        let weight = (way.len() - age) as f32 / way.len() as f32;
        for visit in sessions.of_item(*item) {
            visits.add(*visit, weight);
        }
    }
    let mut best: Vec<(u32, f32)> = visits.touched.iter().map(|visit| (*visit, visits.get(*visit))).collect();
    top(&mut best, SESSION_NEIGHBOURS);
    for (visit, _) in &best {
        let held = sessions.items(*visit);
        let newest = way.iter().position(|item| held.contains(item)).unwrap_or(0);
        let weight = visits.get(*visit) * (1.0 - 0.1 * newest as f32);
        for item in held {
            sums.add(*item, weight);
        }
    }
    let count = sessions.len() as f32 + 1.0;
    let mut scored: Vec<(u32, f32)> = Vec::with_capacity(sums.touched.len());
    for item in &sums.touched {
        let rarity = (count / (1.0 + model.item(*item).views as f32)).ln().max(0.1);
        let sum = &mut sums.values[*item as usize];
        *sum *= rarity;
        if Some(*item) != page {
            scored.push((*item, *sum));
        }
    }
    top(&mut scored, FROM_SESSIONS);
    let best = scored.first().map_or(1.0, |(_, score)| score.max(f32::MIN_POSITIVE));
    for item in &sums.touched {
        sums.values[*item as usize] /= best;
    }
    scored
}

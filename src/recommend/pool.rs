//! Recall: from a request to at most 200 candidates, each with what every channel says of it.
//!
//! What is fixed per dataset was worked out when training; here the visitor's trail joins it: the neighbours of the pages
//! looked at before, and the past visits most like this one. What costs most to know is worked out only for those that
//! are kept.

use std::cell::RefCell;

use super::Request;
use super::channels::{self, Weights};
use super::features::{self, LN_1P, PRIOR_RANK};
use crate::index::top;
use crate::model::{CANDIDATES, Columns, FEATURES, Figure, Model, Neighbour};

/// How many pages of the trail count, and how much each older one counts beside the one after it.
pub const TRAIL_LENGTH: usize = 8;
pub const TRAIL_DECAY: f32 = 0.7;

/// How many candidates the channels beside the page's own neighbours may propose.
const FROM_SESSIONS: usize = 40;
const FROM_TRAIL: usize = 15;
const FROM_POPULAR: usize = 20;

/// How many past visits are compared (k of VMIS-kNN).
const SESSION_NEIGHBOURS: usize = 200;

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
        self.keep(count, 0..FEATURES.len());
    }

    /// As [`Self::shorten`], where only some features are known yet.
    fn keep(&mut self, count: usize, features: impl Iterator<Item = usize>) {
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
        for feature in features {
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
    visits: Visits,
    sessions: Sums,
    trail: Sums,
    last: Sums,
    taken: Sums,
}

/// A number for each item, and those that are not zero.
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

/// What each past visit shares with this one, and those that share anything.
#[derive(Default)]
struct Visits {
    /// How much in the low byte, how far back the newest shared page is in the high one.
    shared: Vec<u16>,
    touched: Vec<u32>,
}

impl Visits {
    fn reset(&mut self, len: usize) {
        for visit in self.touched.drain(..) {
            self.shared[visit as usize] = 0;
        }
        if self.shared.len() < len {
            self.shared.resize(len, 0);
        }
    }

    /// Notes a shared page; newer pages have to come first.
    fn add(&mut self, visit: u32, points: u16, age: u16) {
        let shared = &mut self.shared[visit as usize];
        if *shared == 0 {
            self.touched.push(visit);
            *shared = age << 8;
        }
        *shared += points;
    }

    fn points(&self, visit: u32) -> usize {
        usize::from(self.shared[visit as usize] & 0xff)
    }

    fn age(&self, visit: u32) -> u16 {
        self.shared[visit as usize] >> 8
    }

    /// Leaves the `count` visits with the most points, of equals the newest, in no order.
    fn best(&self, count: usize) -> Vec<u32> {
        let mut having = [0; MOST_POINTS + 1];
        for visit in &self.touched {
            having[self.points(*visit)] += 1;
        }
        let (mut bound, mut above) = (MOST_POINTS, 0);
        while bound > 0 && above + having[bound] <= count {
            above += having[bound];
            bound -= 1;
        }
        let of = |wanted: fn(&usize, &usize) -> bool| {
            self.touched.iter().copied().filter(move |visit| wanted(&self.points(*visit), &bound))
        };
        let mut best: Vec<u32> = of(usize::gt).collect();
        let mut equals: Vec<u32> = of(usize::eq).collect();
        if equals.len() > count - above {
            equals.select_nth_unstable(count - above);
            equals.truncate(count - above);
        }
        best.append(&mut equals);
        best
    }
}

/// The page and its trail, the newest counting [`TRAIL_LENGTH`] + 1, the oldest 1.
const MOST_POINTS: usize = (TRAIL_LENGTH + 1) * (TRAIL_LENGTH + 2) / 2;

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

/// Collects candidates and their features into `pool`: listed ones, without the page itself and what the user bought, the
/// `count` best of them by the prior. Channels that weigh nothing have no say. Returns how many there were.
pub fn gather(model: &Model, request: &Request<'_>, weights: &Weights, count: usize, pool: &mut Pool) -> usize {
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
        let alone = |item: u32| Neighbour { item, ..Neighbour::default() };
        for item in &trail {
            propose(alone(*item));
        }
        for (item, _) in like_visits(model, request.page, &trail, visits, sessions) {
            propose(alone(item));
        }
        for (age, before) in trail.iter().enumerate() {
            let decay = TRAIL_DECAY.powi(age as i32);
            for (place, neighbour) in model.neighbours(*before).iter().enumerate() {
                let score = neighbour.figures.get(Figure::Organic) + neighbour.figures.get(Figure::Walk);
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
        let taste = request.user.map(|user| user.taste.as_slice()).unwrap_or_default();
        let popular = model.parts.popular.iter().take(FROM_POPULAR).map(|ranked| ranked.item);
        for item in taste.iter().copied().chain(popular) {
            propose(alone(item));
        }
        let trail = Trail { items: trail, sessions, behaviour, last };
        features::recall(model, request, &trail, own, pool);
        channels::clear(weights, pool);
        features::summarize(pool);
        let found = pool.items.len();
        pool.keep(count, features::RECALLED.into_iter());
        features::complete(model, request, &trail, pool);
        channels::clear(weights, pool);
        found
    })
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
fn like_visits(
    model: &Model,
    page: Option<u32>,
    trail: &[u32],
    visits: &mut Visits,
    sums: &mut Sums,
) -> Vec<(u32, f32)> {
    let sessions = &model.parts.sessions;
    let length = usize::from(page.is_some()) + trail.len();
    for (age, item) in page.iter().chain(trail).enumerate() {
        for visit in sessions.of_item(*item) {
            visits.add(*visit, (length - age) as u16, age as u16);
        }
    }
    for visit in visits.best(SESSION_NEIGHBOURS) {
        let weight = visits.points(visit) as f32 / length as f32 * (1.0 - 0.1 * f32::from(visits.age(visit)));
        for item in sessions.items(visit) {
            sums.add(*item, weight);
        }
    }
    let mut scored: Vec<(u32, f32)> = Vec::with_capacity(sums.touched.len());
    for item in &sums.touched {
        let sum = &mut sums.values[*item as usize];
        *sum *= model.facts[*item as usize].rarity;
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

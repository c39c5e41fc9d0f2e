//! What goes with the pages that were looked at before: their neighbours, and past visits that hold the same pages, the later
//! pages counting more, rare things more (VMIS-kNN; Kersbergen, Sprangers, Schelter 2022), and of a past visit what stands near
//! the shared page most (STAN; Garg et al. 2019).

use super::super::Request;
use super::super::sums::Sums;
use crate::index::top;
use crate::model::{Feature, Figure, Model, VisitIndex};

pub(super) const ORDER: &[(Feature, f32)] = &[(Feature::Session, 1.0)];

/// How many pages before this one count, each once.
pub(in crate::recommend) const PREFIX_LENGTH: usize = 8;

/// How much each older page counts beside the one after it.
pub(in crate::recommend) const PREFIX_DECAY: f32 = 0.7;

/// How many views before this one are remembered: what was seen, and which way one came.
const REMEMBERED: usize = 20;

/// How much each place between an item of a past visit and the newest shared page leaves of what it counts.
const PLACE_DECAY: f32 = 0.5;

/// How many candidates past visits may propose.
const FROM_VISITS: usize = 40;

/// How many neighbours of each of the last pages are proposed, and of how many pages.
const FROM_PAGE: usize = 15;
const PROPOSING_PAGES: usize = 3;

/// How many past visits are compared (k of VMIS-kNN).
const VISITS: usize = 200;

/// [`PLACE_DECAY`] to the power of each number of places; further away counts as much as the last.
static NEARNESS: [f32; 16] = {
    let mut powers = [1.0; 16];
    let mut place = 1;
    while place < powers.len() {
        powers[place] = powers[place - 1] * PLACE_DECAY;
        place += 1;
    }
    powers
};

/// The page and its prefix, the newest counting [`PREFIX_LENGTH`] + 1, the oldest 1.
const MOST_POINTS: usize = (PREFIX_LENGTH + 1) * (PREFIX_LENGTH + 2) / 2;

/// What the visit so far says of candidates: its pages, and sums that are kept between requests.
#[derive(Default)]
pub(in crate::recommend) struct SessionPrefix {
    /// The last pages before this one, newest first, each once.
    pub(in crate::recommend) items: Vec<u32>,
    /// Of every page before this one: 1 for the last, 1/2 for the one before that, and so on.
    pub(in crate::recommend) seen: Sums,
    /// Of the pages that led straight to this one: how often.
    pub(in crate::recommend) led_here: Sums,
    /// 1 where one page lies between this view of the page and the last one, 1/2 where two do; 0 where it is new.
    pub(in crate::recommend) again: f32,
    /// The same pages as [`Self::seen`] has, newest first.
    before: Vec<u32>,
    /// Past visits like this one, as a share of the best.
    pub(in crate::recommend) sessions: Sums,
    /// Neighbours of the pages before.
    pub(in crate::recommend) behaviour: Sums,
    /// Neighbours of the last of them.
    pub(in crate::recommend) last: Sums,
    shared: SharedPages,
}

impl SessionPrefix {
    /// Works out what the visit so far says, and calls `propose` with its candidates, best first.
    pub(in crate::recommend) fn follow(
        &mut self,
        model: &Model,
        request: &Request<'_>,
        mut propose: impl FnMut(u32) -> bool,
    ) {
        self.reset(model, request);
        for item in &self.before {
            propose(*item);
        }
        for (item, _) in self.like_visits(model, request.page) {
            propose(item);
        }
        let Self { items, behaviour, last, .. } = self;
        for (age, before) in items.iter().enumerate() {
            let decay = PREFIX_DECAY.powi(age as i32);
            for (rank, neighbour) in model.neighbours(*before).iter().enumerate() {
                let score = neighbour.figures.get(Figure::Organic) + neighbour.figures.get(Figure::Walk);
                if score > 0.0 {
                    behaviour.add(neighbour.item, decay * score);
                    if age == 0 {
                        last.add(neighbour.item, score);
                    }
                }
                if rank < FROM_PAGE && age < PROPOSING_PAGES {
                    propose(neighbour.item);
                }
            }
        }
    }

    fn reset(&mut self, model: &Model, request: &Request<'_>) {
        let items = model.parts.items.len();
        for sums in [&mut self.sessions, &mut self.behaviour, &mut self.last, &mut self.seen, &mut self.led_here] {
            sums.reset(items);
        }
        self.shared.reset(model.parts.sessions.len());
        self.before.clear();
        self.again = 0.0;
        let (mut later, mut between) = (request.page, 0);
        for item in request.recent.iter().take(REMEMBERED) {
            // looked at again, without another page between
            if Some(*item) == later {
                continue;
            }
            if later.is_some() && later == request.page {
                self.led_here.add(*item, 1.0);
            }
            if Some(*item) != request.page && self.seen.get(*item) == 0.0 {
                self.seen.add(*item, 1.0 / (1.0 + self.before.len() as f32));
                self.before.push(*item);
            } else if Some(*item) == request.page && self.again == 0.0 {
                self.again = 1.0 / between as f32;
            }
            later = Some(*item);
            between += 1;
        }
        self.items.clear();
        self.items.extend(self.before.iter().take(PREFIX_LENGTH));
    }

    /// Past visits that hold the same pages, and what else they hold. Fills `sessions` with shares of the best, returns the
    /// best items.
    fn like_visits(&mut self, model: &Model, page: Option<u32>) -> Vec<(u32, f32)> {
        let Self { items, sessions: sums, shared, .. } = self;
        let visits = &model.parts.sessions;
        let length = usize::from(page.is_some()) + items.len();
        for (age, item) in page.iter().chain(&*items).enumerate() {
            for visit in visits.of_item(*item) {
                shared.add(*visit, (length - age) as u16, age as u16);
            }
        }
        for visit in shared.best(VISITS) {
            let age = shared.age(visit);
            let weight = shared.points(visit) as f32 / length as f32 * (1.0 - 0.1 * f32::from(age));
            let held = visits.items(visit);
            let newest = page.iter().chain(&*items).nth(age.into());
            let place = held.iter().position(|item| Some(item) == newest).unwrap_or(0);
            for (other, item) in held.iter().enumerate() {
                sums.add(*item, weight * NEARNESS[other.abs_diff(place).min(NEARNESS.len() - 1)]);
            }
        }
        let mut scored: Vec<(u32, f32)> = Vec::with_capacity(sums.len());
        sums.for_each(|item, sum| {
            *sum *= model.facts[item as usize].rarity;
            if Some(item) != page {
                scored.push((item, *sum));
            }
        });
        top(&mut scored, FROM_VISITS);
        let best = scored.first().map_or(1.0, |(_, score)| score.max(f32::MIN_POSITIVE));
        sums.for_each(|_, sum| *sum /= best);
        scored
    }
}

/// What each past visit shares with this one, and those that share anything.
#[derive(Default)]
struct SharedPages {
    /// How much in the low byte, how far back the newest shared page is in the high one.
    packed: Vec<u16>,
    touched: Vec<VisitIndex>,
}

impl SharedPages {
    fn reset(&mut self, visits: usize) {
        for visit in self.touched.drain(..) {
            self.packed[visit.0 as usize] = 0;
        }
        if self.packed.len() < visits {
            self.packed.resize(visits, 0);
        }
    }

    /// Notes a shared page; newer pages have to come first.
    fn add(&mut self, visit: VisitIndex, points: u16, age: u16) {
        let packed = &mut self.packed[visit.0 as usize];
        if *packed == 0 {
            self.touched.push(visit);
            *packed = age << 8;
        }
        *packed += points;
    }

    fn points(&self, visit: VisitIndex) -> usize {
        usize::from(self.packed[visit.0 as usize] & 0xff)
    }

    fn age(&self, visit: VisitIndex) -> u16 {
        self.packed[visit.0 as usize] >> 8
    }

    /// Leaves the `count` visits with the most points, of equals the newest, in no order.
    fn best(&self, count: usize) -> Vec<VisitIndex> {
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
        let mut best: Vec<VisitIndex> = of(usize::gt).collect();
        let mut equals: Vec<VisitIndex> = of(usize::eq).collect();
        if equals.len() > count - above {
            equals.select_nth_unstable(count - above);
            equals.truncate(count - above);
        }
        best.append(&mut equals);
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::small;

    fn followed(page: Option<u32>, recent: &[u32]) -> SessionPrefix {
        let mut prefix = SessionPrefix::default();
        prefix.follow(&small(), &Request { page, recent, ..Request::default() }, |_| true);
        prefix
    }

    #[test]
    fn a_visit_remembers_what_was_seen_and_which_way_one_came() {
        // 1, 2, 0, 2, then 0 twice, 3, and 0 again
        let prefix = followed(Some(0), &[3, 0, 0, 2, 0, 2, 1]);
        assert_eq!(prefix.items, [3, 2, 1]);
        let of = |sums: &Sums| [0, 1, 2, 3].map(|item| sums.get(item));
        assert_eq!(of(&prefix.seen), [0.0, 1.0 / 3.0, 0.5, 1.0]);
        assert_eq!(of(&prefix.led_here), [0.0, 0.0, 2.0, 1.0]);
        assert_eq!(prefix.again, 1.0);
        assert_eq!(followed(Some(0), &[3, 2, 0]).again, 0.5);
        let new = followed(Some(0), &[0, 4]);
        assert_eq!((new.again, new.led_here.get(4), new.items), (0.0, 1.0, vec![4]));
        // on no page nothing leads anywhere
        let nowhere = followed(None, &[3, 2]);
        assert_eq!((nowhere.again, nowhere.led_here.len(), nowhere.items), (0.0, 0, vec![3, 2]));
    }

    #[test]
    fn more_pages_are_seen_than_followed_and_older_views_are_forgotten() {
        let recent: Vec<u32> = (0..6).cycle().take(REMEMBERED).chain([6]).collect();
        let prefix = followed(None, &recent);
        assert_eq!((prefix.seen.len(), prefix.seen.get(6)), (6, 0.0));
    }

    #[test]
    fn of_a_past_visit_what_stands_near_the_shared_page_counts_most() {
        let mut model = small();
        model.parts.sessions = crate::model::Sessions::new(7, &[vec![1, 2, 0, 3]]);
        model.facts.iter_mut().for_each(|facts| facts.rarity = 1.0);
        let mut prefix = SessionPrefix::default();
        prefix.follow(&model, &Request { page: Some(0), ..Request::default() }, |_| true);
        assert_eq!([0, 1, 2, 3].map(|item| prefix.sessions.get(item)), [2.0, 0.5, 1.0, 1.0]);
    }

    #[test]
    fn the_visits_with_the_most_points_are_kept_of_equals_the_newest() {
        let mut shared = SharedPages::default();
        shared.reset(10);
        for (visit, points, age) in [(7, 2, 0), (3, 2, 0), (5, 2, 0), (9, 2, 0), (9, 1, 1), (1, 1, 1)] {
            shared.add(VisitIndex(visit), points, age);
        }
        let kept = |count: usize| {
            let mut best: Vec<u32> = shared.best(count).into_iter().map(|visit| visit.0).collect();
            best.sort_unstable();
            best
        };
        assert_eq!(kept(1), [9]);
        assert_eq!(kept(3), [3, 5, 9]);
        assert_eq!(kept(10), [1, 3, 5, 7, 9]);
        assert_eq!((shared.points(VisitIndex(9)), shared.age(VisitIndex(9)), shared.age(VisitIndex(1))), (3, 0, 1));
        shared.reset(10);
        assert!(shared.best(10).is_empty());
    }
}

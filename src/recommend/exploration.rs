//! A little exploration, with its propensity, so that lists which were never shown can be judged by those that were, and new
//! datasets are shown before they have earned it.
//!
//! With a small probability one position of a list, any of them, is taken by one of the runners-up, any of them; with another
//! by one of the page's new datasets, in the shares that training worked out (`train::newcomers`). What stands at a position
//! then has a known probability of standing there, and inverse propensity scoring (Horvitz, Thompson 1952; Schnabel et al.
//! 2016) is unbiased. A draw depends on the list alone, so that any number of servers need to know nothing of each other.

use super::{Policy, Reason, Recommended, Request};
use crate::model::{Figure, Model, Newcomer};

/// How many runners-up may come into a list: twice as many as most lists are long.
pub const RUNNERS_UP: usize = 20;

/// The shares of lists in which something is tried.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    /// One of the runners-up.
    pub runner_up: f64,
    /// A new dataset.
    pub new: f64,
}

impl Rates {
    /// Whether anything is tried at all.
    pub fn any(self) -> bool {
        self.runner_up + self.new > 0.0
    }
}

/// What may be tried in a list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chances {
    rates: Rates,
    positions: usize,
    runners_up: usize,
    newcomers: Vec<Newcomer>,
}

/// What is tried in a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tried {
    /// One of the runners-up, from 0.
    RunnerUp(usize),
    /// A new dataset.
    New(Newcomer),
}

impl Chances {
    /// Those of a list that was made for a request, its runners-up behind its first `top_n`. A new dataset is not tried
    /// where it stands in the list, where a rule hides it, or for a user who bought it: such a list stays as it is.
    pub fn of(rates: Rates, model: &Model, request: &Request<'_>, policy: &Policy, list: &[Recommended]) -> Self {
        let positions = list.len().min(request.top_n);
        let new = request.page.filter(|_| rates.new > 0.0).and_then(|page| model.parts.newcomers.get(&page));
        let rules = policy.rules.on(request.page);
        let may_come = |newcomer: &&Newcomer| {
            let item = newcomer.item;
            !list[..positions].iter().any(|entry| entry.item == item)
                && !request.user.is_some_and(|user| user.bought.contains(&item))
                && !rules.is_never(item)
        };
        let newcomers = new.into_iter().flatten().filter(may_come).copied().collect();
        Self { rates, positions, runners_up: list.len() - positions, newcomers }
    }

    /// The probability that a position is given to one of the runners-up; the same for every position.
    pub fn given_to_runners_up(&self) -> f64 {
        if self.runners_up == 0 { 0.0 } else { self.rates.runner_up / self.positions as f64 }
    }

    /// The probability that a position is given to a new dataset; the same for every position.
    pub fn given_to_new(&self) -> f64 {
        let shares: f64 = self.newcomers.iter().map(|newcomer| f64::from(newcomer.share)).sum();
        if shares > 0.0 { self.rates.new * shares / self.positions as f64 } else { 0.0 }
    }

    /// The probability that what stands at a position is what was ranked there.
    pub fn kept(&self) -> f64 {
        1.0 - self.given_to_runners_up() - self.given_to_new()
    }

    /// The probability that one that is tried stands where it does.
    pub fn explored(&self, tried: Tried) -> f64 {
        match tried {
            Tried::RunnerUp(_) => self.given_to_runners_up() / self.runners_up.max(1) as f64,
            Tried::New(newcomer) => self.rates.new * f64::from(newcomer.share) / self.positions as f64,
        }
    }

    /// What is tried, by a number from 0 to 1; nothing in most lists.
    pub fn draw(&self, chance: f64) -> Option<Tried> {
        if chance < self.rates.runner_up {
            let runner_up = (chance / self.rates.runner_up * self.runners_up as f64) as usize;
            return (self.runners_up > 0).then(|| Tried::RunnerUp(runner_up.min(self.runners_up - 1)));
        }
        let mut left = chance - self.rates.runner_up;
        let mut is_it = |newcomer: &&Newcomer| {
            left -= self.rates.new * f64::from(newcomer.share);
            left < 0.0
        };
        self.newcomers.iter().find(|newcomer| is_it(newcomer)).copied().map(Tried::New)
    }

    /// The list with what is tried at one position, by a number from 0 to 1, and which position that is, from 0; `None`
    /// where a rule put something there.
    pub fn place(
        &self,
        tried: Tried,
        position: f64,
        model: &Model,
        request: &Request<'_>,
        list: &[Recommended],
    ) -> Option<(Vec<Recommended>, usize)> {
        let position = ((position * self.positions as f64) as usize).min(self.positions.checked_sub(1)?);
        if list[position].reason == Reason::Pinned {
            return None;
        }
        let entry = match tried {
            Tried::RunnerUp(number) => list[self.positions + number],
            Tried::New(newcomer) => Recommended::alone(newcomer.item, 0.0, reason(model, request, newcomer.item)),
        };
        let mut list = list[..self.positions].to_vec();
        // it takes the score of its position, so that a list's scores always fall
        list[position] = Recommended { score: list[position].score, ..entry };
        Some((list, position))
    }
}

/// Leaves out of the runners-up what is tried as new, so that each is tried for one reason, with one probability.
pub fn without_new(model: &Model, page: Option<u32>, top_n: usize, list: &mut Vec<Recommended>) {
    let Some(newcomers) = page.and_then(|page| model.parts.newcomers.get(&page)) else { return };
    let mut place = 0;
    list.retain(|entry| {
        place += 1;
        place <= top_n || !newcomers.iter().any(|newcomer| newcomer.item == entry.item)
    });
}

/// Why a new dataset stands on a page: it is one of the page's candidates by its text.
fn reason(model: &Model, request: &Request<'_>, item: u32) -> Reason {
    let neighbours = request.page.map(|page| model.neighbours(page)).unwrap_or_default();
    let near = neighbours.iter().find(|neighbour| neighbour.item == item).map(|neighbour| neighbour.figures);
    let figure = |figure| near.map_or(0.0, |figures| figures.get(figure));
    Reason::New { similarity: (0.5 * (figure(Figure::Lexical) + figure(Figure::Dense))).max(0.0) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use chrono::NaiveDate;

    use super::*;
    use crate::model::fixtures::{USER, small};
    use crate::recommend::{Audiences, rules::Rules};

    fn list(length: u32) -> Vec<Recommended> {
        let entry = |item: u32| Recommended::alone(item, 1.0 / (1.0 + item as f32), Reason::Seen);
        (0..length).map(entry).collect()
    }

    const REQUEST: Request<'static> = Request { page: Some(0), user: None, recent: &[], top_n: 5, runners_up: 4 };

    #[test]
    fn what_stands_at_a_position_has_the_probability_that_is_said() {
        let model = small();
        let list = list(9);
        let newcomers = vec![Newcomer { item: 20, share: 0.5 }, Newcomer { item: 21, share: 0.3 }];
        let chances = Chances { rates: Rates { runner_up: 0.4, new: 0.5 }, positions: 5, runners_up: 4, newcomers };
        let (mut times, steps) = (HashMap::new(), 1000);
        let share = |step: usize, of: usize| (step as f64 + 0.5) / of as f64;
        for position in 0..5 {
            for step in 0..steps {
                let tried = chances.draw(share(step, steps));
                let placed = tried.and_then(|t| chances.place(t, share(position, 5), &model, &REQUEST, &list));
                let shown = placed.map_or_else(|| list[..5].to_vec(), |(shown, _)| shown);
                assert!(shown.len() == 5 && shown.is_sorted_by(|a, b| a.score >= b.score));
                shown.iter().enumerate().for_each(|(at, e)| *times.entry((at, e.item)).or_insert(0) += 1);
            }
        }
        let found = |at: usize, item: u32| f64::from(times.get(&(at, item)).copied().unwrap_or(0)) / (5 * steps) as f64;
        for at in 0..5 {
            assert!((found(at, at as u32) - chances.kept()).abs() < 1e-7);
            (5..9).for_each(|item| assert!((found(at, item) - chances.explored(Tried::RunnerUp(0))).abs() < 1e-7));
            for newcomer in &chances.newcomers {
                assert!((found(at, newcomer.item) - chances.explored(Tried::New(*newcomer))).abs() < 1e-7);
            }
        }
        assert!((chances.given_to_runners_up() - 0.08).abs() < 1e-9 && (chances.given_to_new() - 0.08).abs() < 1e-6);
    }

    #[test]
    fn a_new_dataset_comes_where_it_may_and_says_why() {
        let mut model = small();
        model.parts.newcomers.insert(0, [2, 3, 5].map(|item| Newcomer { item, share: 0.25 }).to_vec());
        let rates = Rates { runner_up: 0.0, new: 0.5 };
        let mut shown = list(2);
        let (policy, request) = (Policy::default(), Request { top_n: 2, ..REQUEST });
        let items = |policy: &Policy, request: &Request<'_>, shown: &[Recommended]| {
            let chances = Chances::of(rates, &model, request, policy, shown);
            chances.newcomers.iter().map(|newcomer| newcomer.item).collect::<Vec<_>>()
        };
        assert_eq!(items(&policy, &request, &shown), [2, 3, 5]);
        // one that is in the list, one that a user bought, one that a rule hides
        shown[1].item = 2;
        let mut user = model.parts.users[&USER].clone();
        user.bought.push(3);
        assert_eq!(items(&policy, &Request { user: Some(&user), ..request }, &shown), [5]);
        let rules = Rules::parse("[[rule]]\naction = \"never\"\ndatasets = [105]").expect("rules");
        let day = NaiveDate::from_ymd_opt(2026, 11, 1).expect("a day");
        let rules = rules.active_on(day, &model, &Audiences::default());
        let hiding = Policy { rules: Arc::clone(&rules[0]), ..Policy::default() };
        assert_eq!(items(&hiding, &request, &shown), [3]);
        assert!(items(&policy, &Request { page: None, ..request }, &shown).is_empty());
        let chances = Chances::of(rates, &model, &request, &policy, &list(2));
        let (tried, position) =
            chances.place(Tried::New(chances.newcomers[0]), 0.6, &model, &request, &list(2)).expect("a place");
        assert_eq!((position, tried[1].item, tried[1].score), (1, 2, 0.5));
        assert_eq!(tried[1].reason, Reason::New { similarity: 0.75 });
    }

    #[test]
    fn nothing_is_explored_where_nothing_can_be() {
        let model = small();
        let of = |top_n, list: &[Recommended]| {
            let request = Request { page: None, top_n, ..REQUEST };
            Chances::of(Rates { runner_up: 0.5, new: 0.5 }, &model, &request, &Policy::default(), list)
        };
        for chances in [of(10, &list(3)), of(3, &list(3)), of(0, &[])] {
            assert!((0..20).all(|step| chances.draw(f64::from(step) / 20.0).is_none()));
            assert!((chances.kept() - 1.0).abs() < 1e-12);
        }
        let mut pinned = list(4);
        pinned[1].reason = Reason::Pinned;
        let chances = of(3, &pinned);
        let place = |position| chances.place(Tried::RunnerUp(0), position, &model, &REQUEST, &pinned);
        assert_eq!(place(0.4), None);
        assert_eq!(place(1.0).map(|(list, position)| (list[2].item, position)), Some((3, 2)));
    }

    #[test]
    fn what_is_tried_as_new_is_no_runner_up() {
        let mut ranked = list(5);
        without_new(&small(), Some(0), 1, &mut ranked);
        assert_eq!(ranked.iter().map(|entry| entry.item).collect::<Vec<_>>(), [0, 1, 3, 4]);
        without_new(&small(), Some(0), 4, &mut ranked);
        without_new(&small(), None, 0, &mut ranked);
        assert_eq!(ranked.len(), 4);
    }
}

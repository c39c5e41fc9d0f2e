//! A little exploration, with its propensity, so that lists which were never shown can be judged by those that were.
//!
//! With a small probability one position of a list, any of them, is taken by one of the runners-up, any of them. What stands
//! at a position then has a known probability of standing there, and inverse propensity scoring (Horvitz, Thompson 1952;
//! Schnabel et al. 2016) is unbiased.

use super::{Reason, Recommended};

/// How many runners-up may come into a list: twice as many as most lists are long.
pub const RUNNERS_UP: usize = 20;

/// The probability that an entry stood where it did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Propensity {
    /// When nothing was explored there; the same for every position.
    pub kept: f64,
    /// When it was the one that was brought in.
    pub explored: f64,
}

/// The propensities of a list of `top_n` positions and so many runners-up, where a share `rate` of lists explores.
pub fn propensity(rate: f64, top_n: usize, runners_up: usize) -> Propensity {
    if top_n == 0 || runners_up == 0 {
        return Propensity { kept: 1.0, explored: 0.0 };
    }
    let position = rate / top_n as f64;
    Propensity { kept: 1.0 - position, explored: position / runners_up as f64 }
}

/// Brings one of the runners-up, which stand after the first `top_n`, into the list, by two numbers from 0 to 1; returns its
/// position, from 0.
pub fn swap(list: &mut [Recommended], top_n: usize, position: f64, candidate: f64) -> Option<usize> {
    let runners_up = list.len().checked_sub(top_n).filter(|runners_up| *runners_up > 0 && top_n > 0)?;
    let position = ((position * top_n as f64) as usize).min(top_n - 1);
    let candidate = top_n + ((candidate * runners_up as f64) as usize).min(runners_up - 1);
    // what a rule put somewhere stays there
    if list[position].reason == Reason::Pinned {
        return None;
    }
    // it takes the score of its position, so that a list's scores always fall
    let score = list[position].score;
    list.swap(position, candidate);
    list[position].score = score;
    Some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(length: u32) -> Vec<Recommended> {
        let entry = |item: u32| Recommended::alone(item, 1.0 / (1.0 + item as f32), Reason::Seen);
        (0..length).map(entry).collect()
    }

    #[test]
    fn what_stands_at_a_position_has_the_probability_that_is_said() {
        let (top_n, runners_up, steps) = (5, 4, 20);
        let Propensity { kept, explored } = propensity(1.0, top_n, runners_up);
        let mut times = std::collections::HashMap::new();
        for position in 0..steps {
            for candidate in 0..steps {
                let mut list = list(9);
                let share = |step: usize| (step as f64 + 0.5) / steps as f64;
                assert!(swap(&mut list, top_n, share(position), share(candidate)).is_some());
                assert!(list[..top_n].is_sorted_by(|a, b| a.score >= b.score));
                list[..top_n].iter().enumerate().for_each(|(at, e)| *times.entry((at, e.item)).or_insert(0) += 1);
            }
        }
        let share = |at: usize, item: u32| f64::from(times.get(&(at, item)).copied().unwrap_or(0)) / 400.0;
        for at in 0..top_n {
            assert!((share(at, at as u32) - kept).abs() < 1e-9);
            (5..9).for_each(|item| assert!((share(at, item) - explored).abs() < 1e-9));
        }
    }

    #[test]
    fn nothing_is_explored_where_nothing_can_be() {
        assert_eq!(propensity(0.5, 10, 0), Propensity { kept: 1.0, explored: 0.0 });
        assert_eq!(swap(&mut list(3), 3, 0.0, 0.0), None);
        assert_eq!(swap(&mut list(3), 0, 0.0, 0.0), None);
        let mut pinned = list(4);
        pinned[1].reason = Reason::Pinned;
        assert_eq!(swap(&mut pinned, 3, 0.4, 0.0), None);
        assert_eq!(swap(&mut pinned, 3, 1.0, 1.0), Some(2));
        assert_eq!(pinned[2].item, 3);
    }
}

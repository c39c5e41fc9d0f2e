//! A little exploration, with its propensity, so that lists which were never shown can be judged by those that were.
//!
//! With a small probability one place of a list, any of them, is taken by one of the candidates that just missed the
//! list, any of them. What stands at a place then has a known probability of standing there, and inverse propensity
//! scoring (Horvitz, Thompson 1952; Schnabel et al. 2016) is unbiased.

use super::Recommended;

/// How many candidates behind the list may come into it.
pub const BEHIND: usize = 20;

/// The probability that an entry stood where it did, when nothing was explored (the same for every place), or when it
/// was the one that was brought in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Propensity {
    pub kept: f64,
    pub explored: f64,
}

/// The propensities of a list of `top_n` places with `behind` candidates behind it.
pub fn propensity(rate: f64, top_n: usize, behind: usize) -> Propensity {
    if top_n == 0 || behind == 0 {
        return Propensity { kept: 1.0, explored: 0.0 };
    }
    let place = rate / top_n as f64;
    Propensity { kept: 1.0 - place, explored: place / behind as f64 }
}

/// Brings one candidate from behind the first `top_n` into the list, by two numbers from 0 to 1; returns the place.
pub fn swap(list: &mut [Recommended], top_n: usize, place: f64, candidate: f64) -> Option<usize> {
    let behind = list.len().checked_sub(top_n).filter(|behind| *behind > 0 && top_n > 0)?;
    let place = ((place * top_n as f64) as usize).min(top_n - 1);
    let candidate = top_n + ((candidate * behind as f64) as usize).min(behind - 1);
    // what a rule put somewhere stays there
    if list[place].reason == super::Reason::Pinned {
        return None;
    }
    // it takes the score of its place, so that a list's scores always fall
    let score = list[place].score;
    list.swap(place, candidate);
    list[place].score = score;
    Some(place)
}

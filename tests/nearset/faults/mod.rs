//! The fault plan: I/O calls that fail, kills, power cuts, two of everything, a moving clock; all from one seed.
//!
//! `FAULT_CASES` says how many cases each plan tries (the gate tries few), `FAULT_SEED` which. What is promised, and what
//! was found with how many cases, is in docs/reliability.md.

mod clock;
mod power;
mod runs;
mod servers;
pub mod shim;
pub mod state;

use std::fmt::Display;

use nearset::common::random::uniform;

/// A plan under way: where its random choices come from, and what did not hold.
pub struct Plan {
    name: &'static str,
    random: u64,
    case: usize,
    said: Vec<String>,
}

impl Plan {
    pub fn new(name: &'static str) -> Self {
        let seed: u64 = std::env::var("FAULT_SEED").map_or(14, |text| text.parse().expect("FAULT_SEED is a number"));
        let random = name.bytes().fold(seed, |seed, byte| seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte));
        Self { name, random, case: 0, said: Vec::new() }
    }

    /// The numbers of the cases to try; so many where `FAULT_CASES` says nothing.
    pub fn cases(&self, in_the_gate: usize) -> std::ops::Range<usize> {
        0..std::env::var("FAULT_CASES").map_or(in_the_gate, |text| text.parse().expect("FAULT_CASES is a number"))
    }

    /// Begins a case: its choices come from the seed and its number alone.
    pub fn begin(&mut self, case: usize) -> Dice {
        self.case = case;
        Dice(self.random ^ (case as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Notes what does not hold; the plan goes on, so that one fault does not hide another.
    pub fn expect(&mut self, holds: bool, what: impl Display) -> bool {
        if !holds {
            self.said.push(format!("{} case {}: {what}", self.name, self.case));
        }
        holds
    }

    /// Notes an error, and returns the value where there is none.
    pub fn good<T>(&mut self, result: Result<T, String>, what: impl Display) -> Option<T> {
        result.map_err(|error| self.expect(false, format!("{what}: {error}"))).ok()
    }

    /// Fails the test where anything did not hold.
    pub fn end(self, tried: impl Display) {
        println!("{}: {tried}", self.name);
        assert!(self.said.is_empty(), "{} do not hold ({tried}):\n{}", self.said.len(), self.said.join("\n"));
    }
}

/// Where one case's choices come from.
pub struct Dice(u64);

impl Dice {
    /// A number from 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        ((uniform(&mut self.0) * end as f64) as usize).min(end.saturating_sub(1))
    }

    pub fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        &from[self.below(from.len())]
    }

    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for end in (1..items.len()).rev() {
            items.swap(end, self.below(end + 1));
        }
    }
}

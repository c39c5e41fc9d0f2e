//! The rule by which a release is decided, from sums alone.
//!
//! Visitors are what was drawn, so they are what is counted: each is one observation of what they were shown and what they clicked,
//! and the click rate is the ratio of the two sums, its variance by the delta method. The interval of the difference is the one of
//! the mixture sequential probability ratio test (Johari, Pekelis and Walsh 2015, <https://arxiv.org/abs/1512.04922>): it holds
//! at all looks at once, however often one looks and whenever one stops.

use serde::{Deserialize, Serialize};

/// How often, in all looks of a release together, clicks may be called different that are not.
const CLICKS_ALPHA: f64 = 0.04;

/// The same of the share of lists that are fallbacks.
const FALLBACKS_ALPHA: f64 = 0.01;

/// The difference that the test looks for first, as a share of the rate.
const EXPECTED: f64 = 0.2;

/// By how much of all lists more may be fallbacks before a release is ended for it.
const TOLERATED_FALLBACKS: f64 = 0.01;

/// Sums over visitors of a denominator, a numerator, and their squares and product.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sums {
    /// What they were shown.
    pub shown: f64,
    /// What of it counts.
    pub counted: f64,
    /// Squares of the first.
    pub shown_squared: f64,
    /// Products of both.
    pub product: f64,
    /// Squares of the second.
    pub counted_squared: f64,
}

impl Sums {
    /// Adds a visitor.
    #[cfg(test)]
    fn add(&mut self, shown: f64, counted: f64) {
        self.shown += shown;
        self.counted += counted;
        self.shown_squared += shown * shown;
        self.product += shown * counted;
        self.counted_squared += counted * counted;
    }

    /// The ratio; 0 where nothing was shown.
    pub fn rate(&self) -> f64 {
        if self.shown > 0.0 { self.counted / self.shown } else { 0.0 }
    }

    /// The variance of the ratio over so many visitors.
    fn variance(&self, visitors: f64) -> f64 {
        let rate = self.rate();
        let squares = self.counted_squared - 2.0 * rate * self.product + rate * rate * self.shown_squared;
        squares.max(0.0) / (self.shown * self.shown) * visitors / (visitors - 1.0)
    }
}

/// What is known of one version's visitors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// How many there were.
    pub visitors: f64,
    /// Exposures and clicks.
    pub clicks: Sums,
    /// Lists and fallbacks.
    pub fallbacks: Sums,
}

/// A difference with an interval that holds at all looks at once.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// The new version's rate less the current one's.
    pub difference: f64,
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

/// What a look says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Too few exposures to say anything.
    TooFew,
    /// The interval holds 0.
    Open,
    /// Clicked more.
    Better,
    /// Clicked less.
    Worse,
    /// More of its lists are fallbacks.
    Failing,
}

/// The interval of the difference of two ratios.
fn interval(new: (&Sums, f64), old: (&Sums, f64), expected: f64, alpha: f64) -> Interval {
    let difference = new.0.rate() - old.0.rate();
    let variance = new.0.variance(new.1) + old.0.variance(old.1);
    let prior = expected * expected;
    let half = if variance > 0.0 && prior > 0.0 {
        let both = variance + prior;
        (variance * both / prior * (2.0 * (1.0 / alpha).ln() + (both / variance).ln())).sqrt()
    } else {
        f64::INFINITY
    };
    Interval { difference, low: difference - half, high: difference + half }
}

/// Judges a new version beside the current one. Says nothing before both have `least` exposures.
pub fn judge(new: &Arm, current: &Arm, least: u64) -> (Verdict, Option<Interval>) {
    let is_enough = |arm: &Arm| arm.clicks.shown >= least as f64 && arm.visitors >= 30.0;
    if !is_enough(new) || !is_enough(current) {
        return (Verdict::TooFew, None);
    }
    let pooled = (new.clicks.counted + current.clicks.counted) / (new.clicks.shown + current.clicks.shown);
    let [fallbacks, clicks] = [
        interval(
            (&new.fallbacks, new.visitors),
            (&current.fallbacks, current.visitors),
            TOLERATED_FALLBACKS,
            FALLBACKS_ALPHA,
        ),
        interval((&new.clicks, new.visitors), (&current.clicks, current.visitors), EXPECTED * pooled, CLICKS_ALPHA),
    ];
    // nobody has clicked anything: there is nothing to compare
    if !clicks.low.is_finite() && fallbacks.low <= 0.0 {
        return (Verdict::TooFew, None);
    }
    let verdict = if fallbacks.low > 0.0 && fallbacks.difference >= TOLERATED_FALLBACKS {
        Verdict::Failing
    } else if clicks.high < 0.0 {
        Verdict::Worse
    } else if clicks.low > 0.0 {
        Verdict::Better
    } else {
        Verdict::Open
    };
    (verdict, Some(clicks).filter(|interval| interval.low.is_finite()))
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Visitors of very different taste, each shown one to six lists of ten, looked at after each of fourteen days. Returns the
    /// first verdict that says anything.
    fn release(seed: u64, factor: f64, fallbacks: f64) -> Verdict {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut arms, mut verdict) = ([Arm::default(); 2], Verdict::TooFew);
        for _day in 0..14 {
            for (arm, visitors, factor, fallbacks) in [(0, 60, factor, fallbacks), (1, 240, 1.0, 0.01)] {
                for _ in 0..visitors {
                    let lists = random.random_range(1..=6);
                    let taste: f64 = random.random();
                    let rate = 0.09 * taste * taste * factor;
                    let clicked = (0..lists * 10).filter(|_| random.random::<f64>() < rate).count();
                    let failed = (0..lists).filter(|_| random.random::<f64>() < fallbacks).count();
                    let arm: &mut Arm = &mut arms[arm];
                    arm.visitors += 1.0;
                    arm.clicks.add(f64::from(lists) * 10.0, clicked as f64);
                    arm.fallbacks.add(f64::from(lists), failed as f64);
                }
            }
            verdict = judge(&arms[0], &arms[1], 1000).0;
            if !matches!(verdict, Verdict::TooFew | Verdict::Open) {
                break;
            }
        }
        verdict
    }

    #[test]
    fn looking_every_day_at_two_that_are_alike_rarely_tells_them_apart() {
        let told = (0..1000).filter(|seed| release(*seed, 1.0, 0.01) != Verdict::Open).count();
        assert!(told <= 50, "{told} of 1000");
    }

    #[test]
    fn what_is_clearly_better_worse_or_failing_is_found() {
        for (factor, fallbacks, expected) in
            [(1.5, 0.01, Verdict::Better), (0.5, 0.01, Verdict::Worse), (1.0, 0.2, Verdict::Failing)]
        {
            let found = (0..100).filter(|seed| release(*seed, factor, fallbacks) == expected).count();
            assert!(found >= 90, "{expected:?}: {found} of 100");
        }
    }

    #[test]
    fn nothing_is_said_of_little() {
        let mut few = Arm { visitors: 100.0, ..Arm::default() };
        few.clicks.add(900.0, 900.0);
        assert_eq!(judge(&few, &few, 1000), (Verdict::TooFew, None));
    }
}

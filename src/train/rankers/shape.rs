//! The kinds of rankers that are tried, and how much work each is.

use std::fmt;
use std::time::Duration;

use super::{boosted, neural};

/// What is learned: trees, a network, or both; neither is the prior.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Shape {
    pub(super) boosted: Option<boosted::Shape>,
    pub(super) neural: Option<neural::Shape>,
}

/// What is tried, in this order: each for itself, then the best of both kinds together.
pub(super) const TRIED: [Shape; 4] = [
    Shape { boosted: Some(boosted::Shape { trees: 120, leaves: 16, rate: 0.1 }), neural: None },
    Shape { boosted: None, neural: Some(neural::Shape { hidden: [32, 16], epochs: 8 }) },
    Shape { boosted: Some(boosted::Shape { trees: 100, leaves: 24, rate: 0.09 }), neural: None },
    Shape { boosted: None, neural: Some(neural::Shape { hidden: [48, 16], epochs: 10 }) },
];

/// How many of [`TRIED`] are tried whatever they cost: one of each kind.
pub(super) const ALWAYS_TRIED: usize = 2;

impl Shape {
    /// How long one core of the machine of docs/quality.md takes to learn it from so many examples: worked out, not measured,
    /// so that it is the same everywhere.
    pub(super) fn work(&self, examples: usize) -> Duration {
        let boosted = self.boosted.map_or(0.0, |shape| shape.work(examples));
        let neural = self.neural.map_or(0.0, |shape| shape.work(examples));
        Duration::from_secs_f64(boosted + neural)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let boosted = self.boosted.map(|b| format!("boosted {}x{}", b.trees, b.leaves));
        let neural = self.neural.map(|n| format!("neural {}-{}", n.hidden[0], n.hidden[1]));
        let parts: Vec<String> = boosted.into_iter().chain(neural).collect();
        f.write_str(&if parts.is_empty() { "prior".to_owned() } else { parts.join(" + ") })
    }
}

/// How many of [`TRIED`] a budget allows.
pub(super) fn affordable(budget: Duration, examples: usize) -> usize {
    let mut spent = Duration::ZERO;
    let fits = |shape: &&Shape| {
        spent += shape.work(examples);
        spent <= budget
    };
    TRIED.iter().take_while(fits).count().max(ALWAYS_TRIED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_of_work_allows_the_same_trials_everywhere() {
        let seconds = Duration::from_secs;
        assert_eq!(affordable(seconds(1), 700_000), ALWAYS_TRIED);
        // the default, with as many examples as there ever are
        assert_eq!(affordable(seconds(300), 1_000_000), TRIED.len());
        let three: Duration = TRIED[..3].iter().map(|shape| shape.work(700_000)).sum();
        assert_eq!(affordable(three, 700_000), 3);
        assert_eq!(affordable(three.saturating_sub(Duration::from_nanos(1)), 700_000), 2);
        assert!(TRIED[0].work(2_000) > TRIED[0].work(1_000));
    }

    #[test]
    fn names_are_those_of_manifests() {
        let both = Shape { boosted: TRIED[0].boosted, neural: TRIED[1].neural };
        assert_eq!(both.to_string(), "boosted 120x16 + neural 32-16");
        assert_eq!(Shape::default().to_string(), "prior");
    }
}

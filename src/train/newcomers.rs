//! New datasets: how often each is tried on which pages.
//!
//! As often as it is likely to be the best there, by what little is believed of each and by how near it is (Thompson 1933;
//! Chapelle, Li 2011): one of which nothing is known may be the best, one that was shown and not clicked hardly. The draws
//! are made here and not by a server, so that each share is a number that a list can state as its probability.

use std::collections::HashMap;

use rayon::prelude::*;

use super::data::Belief;
use crate::common::random;
use crate::model::{Figure, Model, Neighbour, Newcomer};

/// How often it is drawn which is the best.
const DRAWS: usize = 1000;

/// No dataset takes a larger share of a page's lists that try a new one.
const MOST: f32 = 0.5;

/// For each page that has new datasets among its candidates, in which share of its lists that try one it is which.
pub fn newcomers(model: &Model, beliefs: &[Belief]) -> HashMap<u32, Vec<Newcomer>> {
    let draws: HashMap<u32, Vec<f32>> =
        beliefs.par_iter().map(|belief| (belief.item, appeals(model.item(belief.item).dataset_id, belief))).collect();
    let pages = 0..model.parts.items.len() as u32;
    let of = |page| {
        let near = model.neighbours(page).iter().filter_map(|neighbour| {
            let nearness = nearness(neighbour, model.manifest.dense_weight);
            draws.get(&neighbour.item).filter(|_| nearness > 0.0).map(|draws| (neighbour.item, nearness, draws))
        });
        (page, shares(&near.collect::<Vec<_>>()))
    };
    pages.into_par_iter().map(of).filter(|(_, newcomers)| !newcomers.is_empty()).collect()
}

/// How alike the texts are: all that is known of a new dataset beside a page.
fn nearness(neighbour: &Neighbour, dense_weight: f32) -> f32 {
    let figure = |figure| neighbour.figures.get(figure);
    (1.0 - dense_weight) * figure(Figure::Lexical) + dense_weight * figure(Figure::Dense)
}

/// What a dataset's appeal may be, drawn from what is believed of it; the same in every run.
fn appeals(dataset_id: i64, belief: &Belief) -> Vec<f32> {
    let mut state = dataset_id as u64;
    (0..DRAWS).map(|_| (random::gamma(belief.shape, &mut state) / belief.rate) as f32).collect()
}

/// How often each is the best of those near a page: items, how near, and the draws of their appeal.
fn shares(near: &[(u32, f32, &Vec<f32>)]) -> Vec<Newcomer> {
    let mut wins = vec![0_u32; near.len()];
    for draw in 0..DRAWS {
        let worth = |at: &usize| near[*at].1 * near[*at].2[draw];
        if let Some(best) = (0..near.len()).max_by(|a, b| worth(a).total_cmp(&worth(b))) {
            wins[best] += 1;
        }
    }
    let share = |(at, wins): (usize, u32)| Newcomer { item: near[at].0, share: wins as f32 / DRAWS as f32 };
    let mut shares: Vec<Newcomer> = wins.into_iter().enumerate().filter(|(_, wins)| *wins > 0).map(share).collect();
    cap(&mut shares);
    shares
}

/// Takes what one has above [`MOST`] and gives it to the others, in their proportions.
fn cap(shares: &mut [Newcomer]) {
    if let Some(first) = shares.iter().position(|newcomer| newcomer.share > MOST) {
        let factor = (1.0 - MOST) / (1.0 - shares[first].share).max(f32::MIN_POSITIVE);
        shares.iter_mut().for_each(|newcomer| newcomer.share *= factor);
        shares[first].share = MOST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Figures;
    use crate::model::fixtures::small;
    use crate::recommend::exploration::{Chances, Rates, Tried};
    use crate::recommend::{Policy, Reason, Recommended, Request};

    fn believed(beliefs: &[(f64, f64)]) -> Vec<f32> {
        let beliefs: Vec<Belief> =
            beliefs.iter().zip(1..).map(|(&(shape, rate), item)| Belief { item, shape, rate }).collect();
        let draws: Vec<Vec<f32>> = beliefs.iter().map(|belief| appeals(belief.item.into(), belief)).collect();
        let near: Vec<_> = beliefs.iter().zip(&draws).map(|(belief, draws)| (belief.item, 0.5, draws)).collect();
        let shares = shares(&near);
        beliefs.iter().map(|b| shares.iter().find(|s| s.item == b.item).map_or(0.0, |s| s.share)).collect()
    }

    #[test]
    fn one_is_tried_as_often_as_it_is_likely_to_be_the_best() {
        let even = believed(&[(1.0, 1.0), (1.0, 1.0), (1.0, 1.0)]);
        assert!(even.iter().all(|share| (share - 1.0 / 3.0).abs() < 0.05), "{even:?}");
        let (uneven, sum) =
            (believed(&[(1.0, 2.0), (1.0, 2.0), (1.0, 1.0)]), |shares: &[f32]| shares.iter().sum::<f32>());
        assert!(uneven[2] > 1.3 * uneven[0] && uneven[2] <= MOST, "{uneven:?}");
        assert!((sum(&uneven) - 1.0).abs() < 1e-4);
        // shown without a click, it is hardly tried any more; what clicked well is, but for no more than its cap
        let known = believed(&[(1.0, 6.0), (9.0, 4.0), (1.0, 1.0)]);
        assert!(known[0] < 0.05 && known[1] == MOST && known[2] > 0.4, "{known:?}");
        assert_eq!(believed(&[(1.0, 1.0)]), [MOST]);
        assert!(believed(&[]).is_empty());
    }

    #[test]
    fn pages_try_what_is_among_their_candidates_and_near() {
        let model = small();
        // of 0's candidates, 1 and 2 are near; 0 is one of 1's, but its text is not looked at there
        let belief = |item| Belief { item, shape: 1.0, rate: 1.0 };
        let found = newcomers(&model, &[belief(2), belief(5)]);
        assert_eq!(found, HashMap::from([(0, vec![Newcomer { item: 2, share: MOST }])]));
        assert!(newcomers(&model, &[]).is_empty());
    }

    /// How often each of five new datasets of these appeals was tried on a page in a month of 40 lists a day, each trying one,
    /// and how many clicks that brought. A position brings a click in five.
    fn month(appeals: [f64; 5], learns: bool) -> ([u32; 5], u32) {
        let mut model = small();
        let near = |item| {
            let mut figures = Figures::default();
            figures.set(Figure::Lexical, 0.5);
            Neighbour { item, figures, ..Neighbour::default() }
        };
        model.parts.neighbours = vec![(1..=5).map(near).collect::<Vec<_>>()].into();
        let (mut tried, mut clicked, mut state) = ([0_u32; 5], [0_u32; 5], 11);
        let request = Request { page: Some(0), top_n: 1, ..Request::default() };
        let (list, rates) = ([Recommended::alone(0, 1.0, Reason::Seen)], Rates { runner_up: 0.0, new: 1.0 });
        for _ in 0..30 {
            let known = |at: usize, of: [u32; 5]| if learns { f64::from(of[at]) } else { 0.0 };
            let belief = |at: usize| Belief {
                item: at as u32 + 1,
                shape: 1.0 + known(at, clicked),
                rate: 1.0 + 0.2 * known(at, tried),
            };
            model.parts.newcomers = newcomers(&model, &(0..5).map(belief).collect::<Vec<_>>());
            let chances = Chances::of(rates, &model, &request, &Policy::default(), &list);
            for _ in 0..40 {
                if let Some(Tried::New(newcomer)) = chances.draw(random::uniform(&mut state)) {
                    let at = newcomer.item as usize - 1;
                    tried[at] += 1;
                    clicked[at] += u32::from(random::uniform(&mut state) < 0.2 * appeals[at]);
                }
            }
        }
        (tried, clicked.iter().sum())
    }

    #[test]
    fn in_a_month_the_good_ones_are_found_and_the_others_left() {
        let appeals = [0.1, 2.5, 0.4, 0.8, 2.0];
        let ((tried, clicks), (blindly, by_chance)) = (month(appeals, true), month(appeals, false));
        assert!(blindly.iter().all(|times| (180..300).contains(times)), "{blindly:?}");
        assert!(tried[1] + tried[4] > 4 * (tried[0] + tried[2] + tried[3]), "{tried:?}");
        assert!(tried.iter().all(|times| *times > 5), "each had its chance: {tried:?}");
        assert!(f64::from(clicks) > 1.5 * f64::from(by_chance), "{clicks} clicks, {by_chance} without learning");
    }
}

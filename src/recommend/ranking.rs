//! The order of candidates, and the list that is made of it.

use std::cell::RefCell;
use std::collections::HashSet;

use super::channels::{self, popular};
use super::{Effort, Grounds, Policy, Pool, Reason, Recalled, Request, diversity, pool, reasons};
use crate::model::{CANDIDATES, Feature, Model, Ranker};

/// One entry of a list.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommended {
    /// The dataset, as an index into the model's items.
    pub item: u32,
    /// How likely it is to be chosen, where a ranker could be learned; else a mere order.
    pub score: f32,
    /// Why it is there.
    pub reason: Reason,
    /// All that speaks for it.
    pub grounds: Grounds,
}

impl Recommended {
    /// One for which nothing else speaks than its reason.
    pub fn alone(item: u32, score: f32, reason: Reason) -> Self {
        Self { item, score, reason, grounds: Grounds::alone(&reason) }
    }
}

thread_local! {
    static POOL: RefCell<Pool> = RefCell::default();
}

/// The list for a request, and from how many candidates it was chosen. A longer list begins with the shorter one.
pub fn recommend(
    model: &Model,
    request: &Request<'_>,
    policy: &Policy,
    effort: Effort,
) -> (Vec<Recommended>, Recalled) {
    POOL.with_borrow_mut(|pool| {
        let candidates = pool::gather(model, request, &policy.weights, request.ranked(), pool);
        if effort == Effort::Short {
            let policy = Policy { diversity: 0.0, ..policy.clone() };
            return (arrange(model, request, &policy, pool, &mut prior(pool)), candidates);
        }
        let mut scores = score(model.parts.ranker.as_ref(), pool);
        channels::steer(&policy.weights, pool, &mut scores);
        if let Some(sum) = &policy.sum {
            channels::steer_by_sum(sum, pool, &mut scores);
        }
        let list = arrange(model, request, policy, pool, &mut scores);
        (list, candidates)
    })
}

/// Each candidate's log-odds of being chosen; the logarithm of the prior where no ranker could be learned.
pub fn score(ranker: Option<&Ranker>, pool: &Pool) -> [f32; CANDIDATES] {
    let Some(ranker) = ranker else { return prior(pool) };
    let mut scores = [0.0; CANDIDATES];
    ranker.score(&pool.columns, pool.items.len(), &mut scores);
    scores
}

/// The logarithm of the prior: the order where nothing could be learned.
pub fn prior(pool: &Pool) -> [f32; CANDIDATES] {
    pool.columns.column(Feature::Prior).map(|prior| prior.max(1e-6).ln())
}

/// From scored candidates to the list: rules, diversity, and what fills it up where candidates are few.
pub fn arrange(
    model: &Model,
    request: &Request<'_>,
    policy: &Policy,
    pool: &Pool,
    scores: &mut [f32; CANDIDATES],
) -> Vec<Recommended> {
    let rules = policy.rules.on(request.page);
    rules.weigh(&pool.items, scores);
    let mut order: Vec<u16> =
        (0..pool.items.len() as u16).filter(|i| !rules.is_never(pool.items[*i as usize])).collect();
    order.sort_unstable_by(|a, b| {
        let (a, b) = (*a as usize, *b as usize);
        scores[b].total_cmp(&scores[a]).then(pool.items[a].cmp(&pool.items[b]))
    });
    diversity::diversify(model, policy, pool, scores, &mut order, request.top_n);
    let mut list: Vec<Recommended> = Vec::with_capacity(request.length());
    for candidate in order.into_iter().take(request.length()).map(usize::from) {
        let log_odds = scores[candidate];
        let score = if model.parts.ranker.is_some() { 1.0 / (1.0 + (-log_odds).exp()) } else { log_odds.exp() };
        let reason = reasons::of(pool, candidate);
        let grounds = Grounds::of(pool, candidate, &reason);
        list.push(Recommended { item: pool.items[candidate], score, reason, grounds });
    }
    if list.len() < request.length() {
        let bought = request.user.iter().flat_map(|user| user.bought.iter().copied());
        let mut taken: HashSet<u32> = request.page.into_iter().chain(bought).collect();
        taken.extend(list.iter().map(|entry| entry.item));
        taken.extend(rules.nevers());
        popular::fill(model, &mut list, &mut taken, request.length());
    }
    rules.pin(model, &mut list, request);
    // what diversity, a limit or a rule moved up stands there with the score of its position
    let mut least = f32::INFINITY;
    for entry in &mut list {
        least = least.min(entry.score);
        entry.score = least;
    }
    list
}

#[cfg(test)]
mod tests {

    use chrono::NaiveDate;

    use super::*;
    use crate::common::device::Device;
    use crate::model::fixtures::{USER, small};
    use crate::recommend::rules::Rules;
    use crate::recommend::{Audiences, smoke, trending};

    fn items(list: &[Recommended]) -> Vec<u32> {
        list.iter().map(|entry| entry.item).collect()
    }

    #[test]
    fn a_list_is_as_long_as_there_are_datasets_and_begins_with_the_shorter_one() {
        let model = small();
        let list = |page, top_n, runners_up| {
            let request = Request { page, top_n, runners_up, ..Request::default() };
            recommend(&model, &request, &Policy::default(), Effort::Full).0
        };
        let long = list(Some(0), 3, 2);
        assert_eq!(long.len(), 5);
        assert_eq!(long[0].item, 1, "what most visitors went on to");
        assert!(long.is_sorted_by(|a, b| a.score >= b.score));
        assert_eq!(list(Some(0), 3, 0), long[..3]);
        let unknown = list(None, 10, 0);
        assert_eq!((unknown.len(), unknown[0].item), (6, 5));
        assert!(!items(&unknown).contains(&6), "one that may not be listed");
        smoke(&model).expect("lists that keep their rules");
    }

    #[test]
    fn rules_have_the_last_word_but_over_what_was_bought() {
        let model = small();
        let text = "[[rule]]\naction = \"never\"\ntags = [\"soil\"]\n
            [[rule]]\naction = \"pin\"\ndatasets = [105, 101]\nposition = 1\n
            [[rule]]\naction = \"boost\"\ndatasets = [104]\nfactor = 1e6\nuntil = 2026-01-01\n
            [[rule]]\naction = \"boost\"\ndatasets = [103]\nfactor = 1e6\nfrom = 2026-01-02\n";
        let rules = Rules::parse(text).expect("rules");
        let on = |day: u32| {
            rules.active_on(NaiveDate::from_ymd_opt(2026, 1, day).expect("a day"), &model, &Audiences::default())[0]
                .clone()
        };
        let user = model.parts.users.get(&USER);
        let request = Request { page: Some(0), user, recent: &[4], top_n: 4, ..Request::default() };
        let list = |day| {
            let policy = Policy { rules: on(day), ..Policy::default() };
            recommend(&model, &request, &policy, Effort::Full).0
        };
        assert_eq!(items(&list(2)), [5, 3, 4]);
        assert_eq!(list(2)[0].reason, Reason::Pinned);
        assert_eq!(items(&list(1)), [5, 4, 3], "each boosted on its day");
        let only_nevers = on(1).only_nevers();
        assert!(only_nevers.on(None).is_never(0) && !only_nevers.on(None).is_never(3));
    }

    #[test]
    fn a_rule_holds_for_the_sources_and_devices_it_names() {
        let model = small();
        let text = "[[rule]]\naction = \"pin\"\ndatasets = [105]\nposition = 1\nsources = [\"Search\"]\n
            [[rule]]\naction = \"never\"\ndatasets = [101]\ndevices = [\"mobile\", \"tablet\"]\n";
        let rules = Rules::parse(text).expect("rules");
        let audiences = Audiences::new(rules.sources(), rules.devices());
        let active = rules.active_on(NaiveDate::from_ymd_opt(2026, 1, 1).expect("a day"), &model, &audiences);
        let list = |source, device| {
            let rules = active[audiences.of(source, device) as usize].clone();
            let request = Request { page: Some(0), top_n: 4, ..Request::default() };
            items(&recommend(&model, &request, &Policy { rules, ..Policy::default() }, Effort::Full).0)
        };
        let plain = list(None, Device::Desktop);
        assert_eq!((plain[0], list(Some("home"), Device::Bot)), (1, plain));
        assert_eq!(list(Some("search"), Device::Desktop)[..2], [5, 1]);
        assert!(!list(Some("home"), Device::Mobile).contains(&1));
        let both = list(Some("search"), Device::Tablet);
        assert!(both[0] == 5 && !both.contains(&1));
    }

    #[test]
    fn trending_begins_with_what_the_server_saw_and_is_filled_up() {
        let model = small();
        let list = trending(&model, "24h", &[(103, 8), (106, 7), (999, 6)], 4, &Policy::default());
        assert_eq!(items(&list), [3, 4, 5, 1]);
        assert_eq!((list[0].reason, list[2].reason), (Reason::Visited { visitors: 8 }, Reason::Popular { views: 90 }));
        assert!(list.is_sorted_by(|a, b| a.score >= b.score));
    }
}

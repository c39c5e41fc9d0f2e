//! How a list came about, place by place: what each channel says of a dataset, what that is worth to the ranker, and what
//! rules and diversity moved. The list is the one that [`recommend`](super::recommend) makes.

use super::{Policy, Pool, Recalled, Recommended, Request, arrange, channels, features, gather, score};
use crate::model::{CANDIDATES, Channel, Feature, Model};

/// A list with how it came about.
pub struct Explanation {
    /// Its places, the first first.
    pub places: Vec<Explained>,
    /// From how many candidates it was chosen.
    pub recalled: Recalled,
    /// How many of them were ordered by the ranker.
    pub ranked: usize,
    /// Candidates that a rule hides, and where they would stand without it; from 1.
    pub hidden: Vec<(u32, usize)>,
}

/// A place of a list.
pub struct Explained {
    /// What stands there.
    pub entry: Recommended,
    /// How it stood among the candidates; `None` of one that was none, as what a rule pins or what fills a list up.
    pub standing: Option<Standing>,
}

/// How a candidate stood among all of them. Places count from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Its place by the hand-made prior.
    pub by_prior: usize,
    /// Its place by what was learned and what an experiment's weights make of it; the prior's where nothing was learned.
    pub by_score: usize,
    /// Its place once rules boosted and demoted; from there to where it stands, diversity, limits and pins moved it.
    pub by_rules: usize,
    /// The log-odds of being chosen that were learned.
    pub log_odds: f32,
    /// What an experiment's weights added to them.
    pub steered: f32,
    /// What rules that boost or demote added to them.
    pub ruled: f32,
    /// Each channel that says something of it.
    pub channels: Vec<Said>,
    /// What is known of it, in the order of [`Feature::ALL`].
    pub features: [f32; Feature::COUNT],
}

/// What a channel says of a candidate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Said {
    /// The channel.
    pub channel: Channel,
    /// Its place in the channel's own order; `None` where the channel alone would not propose it.
    pub place: Option<usize>,
    /// How much lower its log-odds were if the channel said nothing at all.
    pub brought: f32,
}

/// The list for a request, explained.
pub fn explain(model: &Model, request: &Request<'_>, policy: &Policy) -> Explanation {
    let mut pool = Pool::default();
    let recalled = gather(model, request, &policy.weights, request.ranked(), &mut pool);
    let ranker = model.parts.ranker.as_ref();
    let learned = score(ranker, &pool);
    let mut steered = learned;
    channels::steer(&policy.weights, &pool, &mut steered);
    if let Some(sum) = &policy.sum {
        channels::steer_by_sum(sum, &pool, &mut steered);
    }
    let rules = policy.rules.on(request.page);
    let mut ruled = steered;
    rules.weigh(&pool.items, &mut ruled);
    let list = arrange(model, request, policy, &pool, &mut steered.clone());

    // what is left out is left out of the same candidates, summed up alike
    let mut whole = pool.clone();
    features::summarize(&mut whole);
    let with_all = score(ranker, &whole);
    let without: Vec<(Channel, Vec<u32>, [f32; CANDIDATES])> = Channel::ALL
        .into_iter()
        .map(|channel| {
            let mut others = pool.clone();
            channel.silence(&mut others);
            (channel, channel.alone(&pool), score(ranker, &others))
        })
        .collect();
    let [by_prior, by_score, by_rules] =
        [pool.columns.column(Feature::Prior), &steered, &ruled].map(|scores| places(&pool.items, scores));
    let standing = |candidate: usize| Standing {
        by_prior: by_prior[candidate],
        by_score: by_score[candidate],
        by_rules: by_rules[candidate],
        log_odds: learned[candidate],
        steered: steered[candidate] - learned[candidate],
        ruled: ruled[candidate] - steered[candidate],
        channels: without
            .iter()
            .map(|(channel, alone, scores)| Said {
                channel: *channel,
                place: alone.iter().position(|item| *item == pool.items[candidate]).map(|place| place + 1),
                brought: with_all[candidate] - scores[candidate],
            })
            .filter(|said| said.place.is_some() || said.brought != 0.0)
            .collect(),
        features: pool.columns.row(candidate),
    };
    let candidate = |item: u32| pool.items.iter().position(|one| *one == item);
    let explained = |entry: Recommended| Explained { entry, standing: candidate(entry.item).map(standing) };
    let mut hidden: Vec<(u32, usize)> =
        (pool.items.iter().zip(&by_score)).filter(|(item, _)| rules.is_never(**item)).map(|(i, p)| (*i, *p)).collect();
    hidden.sort_by_key(|(_, place)| *place);
    Explanation { places: list.into_iter().map(explained).collect(), recalled, ranked: pool.items.len(), hidden }
}

/// Each candidate's place by these scores, from 1.
fn places(items: &[u32], scores: &[f32; CANDIDATES]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(items[*a].cmp(&items[*b])));
    let mut places = vec![0; items.len()];
    for (place, candidate) in order.into_iter().enumerate() {
        places[candidate] = place + 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::{USER, small};
    use crate::recommend::rules::Rules;
    use crate::recommend::{Audiences, Effort, recommend};

    #[test]
    fn the_explained_list_is_the_list() {
        let model = small();
        let user = model.parts.users.get(&USER);
        for request in [
            Request { page: Some(0), top_n: 3, ..Request::default() },
            Request { page: Some(0), user, recent: &[4], top_n: 5, ..Request::default() },
            Request { page: None, top_n: 10, ..Request::default() },
        ] {
            let policy = Policy { diversity: 0.5, ..Policy::default() };
            let explained = explain(&model, &request, &policy);
            let entries: Vec<Recommended> = explained.places.iter().map(|place| place.entry).collect();
            assert_eq!(entries, recommend(&model, &request, &policy, Effort::Full).0);
            assert_eq!(explained.ranked, explained.ranked.min(request.ranked()));
        }
    }

    #[test]
    fn what_a_channel_brought_is_gone_without_it() {
        let model = small();
        let request = Request { page: Some(0), top_n: 3, ..Request::default() };
        let explained = explain(&model, &request, &Policy::default());
        let first = explained.places[0].standing.as_ref().expect("a candidate");
        let behaviour = first.channels.iter().find(|said| said.channel == Channel::Behaviour).expect("it speaks");
        assert_eq!((first.by_score, behaviour.place), (1, Some(1)));
        assert!(behaviour.brought > 0.0, "{first:?}");
        assert!(first.channels.iter().all(|said| said.channel != Channel::Visual), "there are no pictures");
    }

    #[test]
    fn rules_that_acted_are_told() {
        let model = small();
        let text = "[[rule]]\naction = \"never\"\ndatasets = [102]\n
            [[rule]]\naction = \"pin\"\ndatasets = [105]\nposition = 1\n
            [[rule]]\naction = \"boost\"\ndatasets = [103]\nfactor = 1e6\n";
        let rules = Rules::parse(text).expect("rules");
        let day = "2026-01-01".parse().expect("a day");
        let rules = rules.active_on(day, &model, &Audiences::default())[0].clone();
        let request = Request { page: Some(0), recent: &[3], top_n: 3, ..Request::default() };
        let explained = explain(&model, &request, &Policy { rules, ..Policy::default() });
        assert_eq!(explained.hidden.first().map(|(item, _)| *item), Some(2));
        let boosted = explained.places.iter().filter_map(|place| place.standing.as_ref());
        let boosted = boosted.max_by(|a, b| a.ruled.total_cmp(&b.ruled)).expect("a candidate");
        assert!((boosted.ruled - 1e6_f32.ln()).abs() < 1e-3 && boosted.by_rules == 1 && boosted.by_score > 1);
    }
}

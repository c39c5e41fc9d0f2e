//! Making the list of a key.

use crate::model::Model;
use crate::recommend::{self, Effort, Policy, Recommended, Request};
use crate::serve::lists::List;
use crate::serve::metrics::Candidates;
use crate::serve::recent_views::Rankings;

/// A list, and what it was chosen from. That of `/recommend/detail` has `runners_up` more that just missed it.
pub fn compute(
    model: &Model,
    list: &List,
    policy: &Policy,
    views: &Rankings,
    runners_up: usize,
    effort: Effort,
) -> (Vec<Recommended>, Candidates) {
    let (list, recalled) = match list {
        List::Similar { page, top_n } => {
            recommend::recommend(model, &Request { page: *page, top_n: *top_n, ..Request::default() }, policy, effort)
        }
        List::Detail { page, user, recent, top_n } => {
            let user = user.and_then(|id| model.parts.users.get(&id));
            recommend::recommend(
                model,
                &Request { page: *page, user, recent, top_n: *top_n, runners_up },
                policy,
                effort,
            )
        }
        List::Person { user, recent, top_n } => {
            let user = user.and_then(|id| model.parts.users.get(&id));
            recommend::for_person(model, user, recent, *top_n, policy, effort)
        }
        List::Trending { timeframe, top_n, .. } => {
            let views = views.of(timeframe);
            let candidates = model.parts.trending.get(*timeframe).map_or(0, Vec::len) + views.len();
            return (recommend::trending(model, timeframe, views, *top_n, policy), Candidates::Trending(candidates));
        }
    };
    (list, Candidates::Pool(recalled))
}

//! A list for a person, on no page: what goes with what they looked at, lately or on earlier visits.

use super::{Effort, Policy, Reason, Recalled, Recommended, Request, recommend};
use crate::model::{History, Model};

/// How many of the datasets that a person looked at on earlier visits the list starts from: as many as a visit's last pages.
const STARTS: usize = 8;

/// The list, and what it was chosen from. What the visit shows comes before what earlier visits did; what was
/// looked at on those stands behind all that is new.
pub fn for_person(
    model: &Model,
    user: Option<&History>,
    recent: &[u32],
    top_n: usize,
    policy: &Policy,
    effort: Effort,
) -> (Vec<Recommended>, Recalled) {
    let earlier = user.filter(|_| recent.is_empty()).map_or(&[][..], |user| &user.viewed);
    let starts = &earlier[..earlier.len().min(STARTS)];
    let asked = top_n + starts.len();
    let request =
        Request { user, recent: if recent.is_empty() { starts } else { recent }, top_n: asked, ..Request::default() };
    let (list, recalled) = recommend(model, &request, policy, effort);
    let (known, mut list): (Vec<Recommended>, Vec<Recommended>) =
        list.into_iter().partition(|entry| starts.contains(&entry.item) && entry.reason != Reason::Pinned);
    list.extend(known);
    list.truncate(top_n);
    let mut least = f32::INFINITY;
    for entry in &mut list {
        least = least.min(entry.score);
        entry.score = least;
        // it was not a moment ago
        if let Reason::Prefix { similarity } = entry.reason
            && !starts.is_empty()
        {
            entry.reason = Reason::Taste { similarity };
        }
        if entry.reason == Reason::Seen && !starts.is_empty() {
            entry.reason = Reason::Taste { similarity: 1.0 };
        }
    }
    (list, recalled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::{USER, small};

    #[test]
    fn a_person_gets_what_goes_with_their_pages_and_nothing_they_bought() {
        let model = small();
        let user = model.parts.users.get(&USER);
        let list = |user, recent: &[u32], top_n| {
            let (list, _) = for_person(&model, user, recent, top_n, &Policy::default(), Effort::Full);
            assert!(list.is_sorted_by(|a, b| a.score >= b.score));
            list
        };
        let items = |list: &[Recommended]| list.iter().map(|entry| entry.item).collect::<Vec<_>>();
        let (bought, viewed) = user.map(|user| (user.bought.clone(), user.viewed.clone())).expect("a user");
        let own = list(user, &[], 10);
        assert!(!own.is_empty() && items(&own).iter().all(|item| !bought.contains(item)));
        let first_seen = own.iter().position(|entry| viewed.contains(&entry.item)).unwrap_or(own.len());
        assert!(own[first_seen..].iter().all(|entry| viewed.contains(&entry.item)), "what is new comes first");
        assert!(own.iter().all(|entry| !matches!(entry.reason, Reason::Seen | Reason::Prefix { .. })));
        // nobody is known: what is popular, and as long as asked for
        let anyone = list(None, &[], 3);
        assert_eq!((anyone.len(), anyone[0].reason), (3, list(None, &[], 1)[0].reason));
        assert_ne!(items(&list(None, &[0], 3)), items(&anyone), "what was looked at just now moves it");
    }
}

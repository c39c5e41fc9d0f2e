//! Ids of requests: which a client may give (`X-Request-ID`), and those that are made here.
//!
//! A list is counted by its id, so no two may share one. An id that a client gives stands for one list; whoever gives it again
//! gets a new one. What one server cannot know of (another server's lists, those before a restart) a run notices and
//! names: `request_id_again` in `rejected_rows`.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderName};

use crate::common::about;

/// Where ids stand, in requests and in answers.
pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What every id begins with.
const PREFIX: &str = "req_";

/// The most characters of an id that is taken over: what Matomo's dimensions and links carry easily.
const LONGEST: usize = 64;

/// How many hexadecimal digits an id that is made here has.
const DIGITS: usize = 20;

/// How many given ids are remembered at least; twice as many at most.
const REMEMBERED: usize = 100_000;

/// A new id.
pub fn new_id() -> String {
    format!("{PREFIX}{:0DIGITS$x}", rand::random::<u128>() >> 48)
}

/// The id that the request being answered has, where no client gave it; else a new one.
pub fn prepared(headers: &HeaderMap) -> String {
    about::request_id().filter(|_| given(headers).is_none()).unwrap_or_else(new_id)
}

/// The id that a client gave, where it is well-formed.
pub fn given(headers: &HeaderMap) -> Option<&str> {
    headers.get(&REQUEST_ID)?.to_str().ok().filter(|id| is_well_formed(id))
}

fn is_well_formed(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    id.len() <= LONGEST && id.strip_prefix(PREFIX).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(is_plain))
}

/// Whether an id looks like one that was made here: a client that gives it has it from an answer.
fn is_own(id: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    id.len() == PREFIX.len() + DIGITS && id[PREFIX.len()..].bytes().all(is_digit)
}

/// The ids that clients gave and lists got.
#[derive(Default)]
pub struct RequestIds {
    /// Nobody can tell which other id has the same hash.
    hasher: RandomState,
    /// Hashes of the newest, and of those before them.
    taken: Mutex<[HashSet<u64>; 2]>,
}

impl RequestIds {
    /// The id of a list: the one its request gives, the first time, else a new one.
    pub fn for_list(&self, headers: &HeaderMap) -> String {
        let own =
            given(headers).filter(|id| !is_own(id) && self.take(id)).map_or_else(|| prepared(headers), str::to_owned);
        about::request_is(&own);
        own
    }

    /// Remembers an id; says whether it is new.
    fn take(&self, id: &str) -> bool {
        let hash = self.hasher.hash_one(id);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let [newest, before] = &mut *taken;
        if before.contains(&hash) || !newest.insert(hash) {
            return false;
        }
        if newest.len() >= REMEMBERED {
            *before = std::mem::take(newest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(id: &str) -> HeaderMap {
        HeaderMap::from_iter([(REQUEST_ID.clone(), id.parse().expect("a value"))])
    }

    #[test]
    fn an_id_is_taken_over_once() {
        let ids = RequestIds::default();
        assert_eq!(ids.for_list(&headers("req_of-mine_1")), "req_of-mine_1");
        let again = ids.for_list(&headers("req_of-mine_1"));
        assert!(again != "req_of-mine_1" && is_own(&again), "{again}");
        assert_eq!(ids.for_list(&headers("req_of-mine_2")), "req_of-mine_2");
        assert!(is_own(&ids.for_list(&HeaderMap::new())));
    }

    #[test]
    fn what_is_malformed_or_was_made_here_is_not_taken_over() {
        let ids = RequestIds::default();
        let long = format!("req_{}", "a".repeat(LONGEST));
        let own = new_id();
        for id in ["", "req_", "abc", "REQ_a", "req_a b", "req_a\"b", "req_a%0A", "req_é", "xreq_a", &long, &own] {
            let found = ids.for_list(&headers(id));
            assert!(found != id && is_own(&found), "{id:?} became {found}");
        }
        assert_eq!(given(&headers(&own)), Some(own.as_str()), "other answers give it back");
    }

    #[test]
    fn memory_is_bounded_and_what_is_newest_is_remembered() {
        let ids = RequestIds::default();
        for number in 0..5 * REMEMBERED / 2 {
            assert!(ids.take(&format!("req_{number}")));
        }
        let held: usize = ids.taken.lock().expect("it").iter().map(HashSet::len).sum();
        assert!(held <= 2 * REMEMBERED, "{held}");
        assert!(!ids.take(&format!("req_{}", 5 * REMEMBERED / 2 - 1)));
        assert!(!ids.take(&format!("req_{}", 3 * REMEMBERED / 2)));
    }
}

//! Sessions of browsers: who gave a token once in a form need not send it with each request. They are in memory alone, and end
//! with the server.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, header};

use super::access::Level;

/// The cookie that holds a session's id.
pub const COOKIE: &str = "nearset_session";

/// How long a session lasts.
const LASTS: Duration = Duration::from_secs(12 * 3600);

/// How many sessions there are at most; the oldest makes room.
const MOST: usize = 1000;

/// How many wrong tokens an address may give within [`CALM`].
const TRIES: u32 = 10;

/// How long until wrong tokens are forgotten.
const CALM: Duration = Duration::from_secs(60);

/// The sessions there are, and from where wrong tokens came.
#[derive(Debug, Default)]
pub struct Sessions {
    begun: Mutex<HashMap<String, (Level, Instant)>>,
    failures: Mutex<HashMap<IpAddr, (u32, Instant)>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    /// Begins a session; returns its id, which nobody can guess.
    pub fn begin(&self, level: Level) -> String {
        let id = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
        let mut begun = held(&self.begun);
        begun.retain(|_, (_, since)| since.elapsed() < LASTS);
        if begun.len() >= MOST
            && let Some(oldest) = begun.iter().min_by_key(|(_, (_, since))| *since).map(|(id, _)| id.clone())
        {
            begun.remove(&oldest);
        }
        begun.insert(id.clone(), (level, Instant::now()));
        id
    }

    /// What a session gives; none where there is none of this id.
    pub fn level(&self, id: &str) -> Option<Level> {
        held(&self.begun).get(id).filter(|(_, since)| since.elapsed() < LASTS).map(|(level, _)| *level)
    }

    /// Ends a session.
    pub fn end(&self, id: &str) {
        held(&self.begun).remove(id);
    }

    /// Whether an address has given too many wrong tokens of late.
    pub fn is_guessing(&self, from: IpAddr) -> bool {
        held(&self.failures).get(&from).is_some_and(|(tries, since)| *tries >= TRIES && since.elapsed() < CALM)
    }

    /// An address gave a wrong token.
    pub fn failed(&self, from: IpAddr) {
        let mut failures = held(&self.failures);
        failures.retain(|_, (_, since)| since.elapsed() < CALM);
        if failures.len() < MOST {
            failures.entry(from).or_insert((0, Instant::now())).0 += 1;
        }
    }
}

/// The id of a session that a browser sends.
pub fn id_in(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, id)| (name == COOKIE).then_some(id))
}

/// What has a browser keep a session's id, or forget it. Scripts do not see it, and other sites' pages do not send it.
pub fn cookie(id: Option<&str>, headers: &HeaderMap) -> String {
    let (id, seconds) = id.map_or(("", 0), |id| (id, LASTS.as_secs()));
    let is_https = headers.get("x-forwarded-proto").is_some_and(|proto| proto == "https");
    let secure = if is_https { "; Secure" } else { "" };
    format!("{COOKIE}={id}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_until_it_is_ended_and_the_oldest_makes_room() {
        let sessions = Sessions::default();
        let first = sessions.begin(Level::Analyst);
        assert_eq!(sessions.level(&first), Some(Level::Analyst));
        assert_eq!(sessions.level(""), None);
        let others: Vec<String> = (0..MOST).map(|_| sessions.begin(Level::Admin)).collect();
        assert_eq!((sessions.level(&first), sessions.level(&others[0])), (None, Some(Level::Admin)));
        sessions.end(&others[0]);
        assert_eq!(sessions.level(&others[0]), None);
    }

    #[test]
    fn whoever_gives_many_wrong_tokens_has_to_wait_and_others_have_not() {
        let sessions = Sessions::default();
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().expect("an address"));
        (0..TRIES).for_each(|_| sessions.failed(one));
        assert!(sessions.is_guessing(one) && !sessions.is_guessing(other));
    }
}

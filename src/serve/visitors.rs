//! Who visits, without names: a hash of what stays with a visitor, under a key that is made once for a DATA_DIR and leaves it
//! in no answer. The log holds it, so that a server that starts anew counts nobody twice.

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};
use axum::http::HeaderMap;
use sha2::{Digest, Sha256};

use crate::common::files;
use crate::common::language::t;
use crate::exposures::Visitor;
use crate::serve::http::agent;

const KEY: &str = "visitor_key";

/// How many hexadecimal digits the key has.
const DIGITS: usize = 32;

/// Makes visitors of what requests say.
pub struct Visitors {
    key: String,
}

impl Visitors {
    /// Those of a folder of metadata, which has the key or gets one.
    ///
    /// # Errors
    /// The key cannot be written or read.
    pub fn open(metadata_dir: &Path) -> Result<Self> {
        let path = metadata_dir.join(KEY);
        let read = || Ok::<_, anyhow::Error>(files::read_text(&path)?.map(|key| key.trim().to_owned()));
        let is_key = |key: &String| key.len() == DIGITS;
        if let Some(key) = read()?.filter(is_key) {
            return Ok(Self { key });
        }
        files::make_dir(metadata_dir)?;
        files::write(&path, format!("{:0DIGITS$x}", rand::random::<u128>()).as_bytes())?;
        // of several servers that start at once, the last one's counts
        let key = read()?.filter(is_key);
        let key =
            key.with_context(|| t!("{} is no key, just after it was written", "{} 写入后仍不是密钥", path.display()))?;
        Ok(Self { key })
    }

    /// The visitor of a name that stays with them, as requests give it.
    pub fn named(&self, name: &str) -> Visitor {
        self.hashed("name", name.as_bytes(), &[])
    }

    /// One of whom nothing else is known than where they ask from, and with which User-Agent. What a proxy says of the address
    /// comes before its own.
    pub fn unnamed(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Visitor {
        let forwarded = headers.get("x-forwarded-for").and_then(|value| value.to_str().ok());
        let first = forwarded.and_then(|all| all.split(',').next()?.trim().parse::<IpAddr>().ok());
        let address = first.or(peer).map(|address| address.to_string()).unwrap_or_default();
        self.hashed("address", address.as_bytes(), agent::bytes(headers))
    }

    fn hashed(&self, kind: &str, what: &[u8], more: &[u8]) -> Visitor {
        let mut hash = Sha256::new();
        for part in [self.key.as_bytes(), kind.as_bytes(), what, more] {
            hash.update(part);
            // no two lists of parts make one text
            hash.update([0xff]);
        }
        let digest = hash.finalize();
        Visitor::of_hash(digest.iter().take(8).fold(0, |hash, byte| hash << 8 | u64::from(*byte)))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    #[test]
    fn a_visitor_is_the_same_for_all_servers_of_a_folder_and_for_no_others() -> Result<()> {
        let (dir, other) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let of = |dir: &Path| Visitors::open(&dir.join("_metadata"));
        let (first, second) = (of(dir.path())?, of(dir.path())?);
        assert_eq!(first.named("7"), second.named("7"));
        assert_ne!(first.named("7"), first.named("8"));
        assert_ne!(first.named("7"), of(other.path())?.named("7"));
        let key = dir.path().join("_metadata").join(KEY);
        assert!(!format!("{}", first.named("7")).contains(&first.key[..12]));
        // one that was cut short is made anew
        std::fs::write(&key, "short")?;
        assert_ne!(of(dir.path())?.named("7"), first.named("7"));
        assert_eq!(of(dir.path())?.named("7"), of(dir.path())?.named("7"));
        Ok(())
    }

    #[test]
    fn who_has_no_name_is_told_by_address_and_agent() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let visitors = Visitors::open(dir.path())?;
        let peer = Some(IpAddr::from([10, 0, 0, 1]));
        let of = |headers: &[(&'static str, &str)]| {
            let named =
                headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().expect("a value")));
            visitors.unnamed(peer, &HeaderMap::from_iter(named))
        };
        let direct = of(&[]);
        assert_eq!(direct, of(&[("x-forwarded-for", "nonsense")]));
        assert_eq!(direct, of(&[("x-forwarded-for", "10.0.0.1, 10.9.9.9")]));
        assert_ne!(direct, of(&[("x-forwarded-for", "203.0.113.7, 10.0.0.1")]));
        assert_ne!(direct, of(&[("user-agent", "b")]));
        assert_ne!(direct, visitors.named("10.0.0.1"));
        Ok(())
    }
}

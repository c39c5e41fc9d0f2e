//! Who visits, without names: a hash of what stays with a visitor, under a key that is made once for a DATA_DIR and leaves it
//! in no answer. The log holds it, so that a server that starts anew counts nobody twice.

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::record::Visitor;
use crate::common::files;
use crate::common::language::t;

const KEY: &str = "visitor_key";

/// How many hexadecimal digits the key has.
const DIGITS: usize = 32;

/// Makes visitors of what requests say.
pub struct Visitors {
    key: String,
}

impl Visitors {
    /// Those of a folder of metadata, where it has a key.
    ///
    /// # Errors
    /// The key cannot be read.
    pub fn there(metadata_dir: &Path) -> Result<Option<Self>> {
        let key = files::read_text(&metadata_dir.join(KEY))?.map(|key| key.trim().to_owned());
        Ok(key.filter(|key| key.len() == DIGITS).map(|key| Self { key }))
    }

    /// Those of a folder of metadata, which has the key or gets one.
    ///
    /// # Errors
    /// The key cannot be written or read.
    pub fn open(metadata_dir: &Path) -> Result<Self> {
        if let Some(there) = Self::there(metadata_dir)? {
            return Ok(there);
        }
        let path = metadata_dir.join(KEY);
        files::make_dir(metadata_dir)?;
        files::write(&path, format!("{:0DIGITS$x}", rand::random::<u128>()).as_bytes())?;
        // of several servers that start at once, the last one's counts
        Self::there(metadata_dir)?
            .with_context(|| t!("{} is no key, just after it was written", "{} 写入后仍不是密钥", path.display()))
    }

    /// The visitor of a name that stays with them, as requests give it.
    pub fn named(&self, name: &str) -> Visitor {
        self.hashed("name", name.as_bytes(), &[])
    }

    /// One of whom nothing else is known than where they ask from, and with which User-Agent.
    pub fn unnamed(&self, address: Option<IpAddr>, agent: &[u8]) -> Visitor {
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        self.hashed("address", address.as_bytes(), agent)
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
        let of = |address: &str, agent: &str| visitors.unnamed(address.parse().ok(), agent.as_bytes());
        assert_eq!(of("10.0.0.1", ""), of("10.0.0.1", ""));
        assert_ne!(of("10.0.0.1", ""), of("203.0.113.7", ""));
        assert_ne!(of("10.0.0.1", ""), of("10.0.0.1", "b"));
        assert_ne!(of("10.0.0.1", ""), visitors.named("10.0.0.1"));
        Ok(())
    }
}

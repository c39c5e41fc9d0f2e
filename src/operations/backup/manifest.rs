//! What a backup says of itself: its last members are this and its checksum.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::part::Part;

/// The form in which backups are written.
pub const FORMAT: u32 = 1;

/// The member that holds it.
pub(super) const NAME: &str = "manifest.json";

/// The last member: the manifest's SHA-256 in hex.
pub(super) const SEAL: &str = "manifest.sha256";

/// What a backup holds and where it comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The form of the backup: see [`FORMAT`].
    pub format: u32,
    /// The nearset that made it.
    pub nearset: String,
    /// The moment that it holds.
    pub made_at: DateTime<Utc>,
    /// The moment that its warehouse stands for.
    pub as_of: Option<DateTime<Utc>>,
    /// The version that answered.
    pub current: Option<String>,
    /// The forms of the versions in it.
    pub models: BTreeMap<String, u32>,
    /// Where values of secrets were taken out: a file, and what of it.
    pub secrets: BTreeMap<String, Vec<String>>,
    /// Everything in it, in its order.
    pub members: Vec<Member>,
}

/// One file in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name; in the archive with `.gz` behind it where it is packed.
    pub name: String,
    /// The part that it belongs to.
    pub part: Part,
    /// How long it is, unpacked.
    pub bytes: u64,
    /// Its SHA-256, unpacked.
    pub sha256: String,
    /// Whether it is packed (gzip).
    pub packed: bool,
}

impl Member {
    /// Its name in the archive.
    pub(super) fn stored_name(&self) -> String {
        stored_name(&self.name, self.packed)
    }
}

/// What a member is called in the archive.
pub(super) fn stored_name(name: &str, packed: bool) -> String {
    format!("{name}{}", if packed { ".gz" } else { "" })
}

impl Manifest {
    /// How many bytes a part has, unpacked.
    pub fn bytes_of(&self, part: Part) -> u64 {
        self.members.iter().filter(|member| member.part == part).map(|member| member.bytes).sum()
    }
}

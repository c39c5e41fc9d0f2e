//! WeCom's tokens: fetched once, kept until shortly before they run out, on disk too, where only this user may read.

use std::fs::{OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::common::language::t;
use crate::common::{files, secrets};
use crate::config::Config;

/// So many seconds before it runs out a token is no longer used.
pub const EARLY: i64 = 300;

/// A token.
#[derive(Serialize, Deserialize)]
pub struct Token {
    /// What it was fetched with, as a hash: other settings need another.
    pub of: String,
    /// What it says.
    pub text: String,
    /// Until when it is used.
    pub until: DateTime<Utc>,
}

/// Where that of a receiver is kept.
fn path(config: &Config, receiver: &str) -> PathBuf {
    config.operations_dir().join("tokens").join(format!("{receiver}.json"))
}

impl Token {
    /// That of a receiver, where it is kept and may be used.
    pub fn kept(config: &Config, receiver: &str, of: &str) -> Option<String> {
        let text = files::read(&path(config, receiver)).ok()??;
        let kept: Self = serde_json::from_slice(&text).ok()?;
        secrets::register(&kept.text);
        (kept.of == of && Utc::now() < kept.until).then_some(kept.text)
    }

    /// Keeps it.
    pub fn keep(&self, config: &Config, receiver: &str) -> Result<()> {
        let path = path(config, receiver);
        let part = files::part_of(&path);
        let cannot = || t!("{} cannot be written", "{} 无法写入", part.display());
        files::make_dir(&config.operations_dir().join("tokens"))?;
        files::remove(&part)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part).with_context(cannot)?;
        file.set_permissions(Permissions::from_mode(0o600)).with_context(cannot)?;
        file.write_all(&serde_json::to_vec(self)?).and_then(|()| file.sync_all()).with_context(cannot)?;
        files::rename(&part, &path)
    }

    /// Forgets that of a receiver.
    pub fn forget(config: &Config, receiver: &str) -> Result<()> {
        files::remove(&path(config, receiver))
    }
}

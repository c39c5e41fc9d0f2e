//! The backups in a folder, and which of them are kept.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, NaiveDateTime, Utc};

use crate::common::language::t;

/// What the names of backups begin with.
pub(super) const PREFIX: &str = "nearset-backup-";

/// How the moment is written in a name.
const STAMP: &str = "%Y%m%dT%H%M%S%.3fZ";

/// A backup by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The moment in its name.
    pub at: DateTime<Utc>,
    /// Where it is.
    pub path: PathBuf,
    /// How large it is.
    pub bytes: u64,
}

/// What the backup of a moment is called.
pub(super) fn name_of(at: DateTime<Utc>) -> String {
    format!("{PREFIX}{}.tar", at.format(STAMP))
}

/// The backups in a folder, oldest first; other files are none.
///
/// # Errors
/// The folder is there and cannot be read.
pub fn backups(dir: &Path) -> Result<Vec<Kept>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let stamp = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(".tar"));
        let at = stamp.and_then(|stamp| NaiveDateTime::parse_from_str(stamp, STAMP).ok());
        if let (Some(at), Ok(about)) = (at, entry.metadata())
            && about.is_file()
        {
            found.push(Kept { at: at.and_utc(), path: entry.path(), bytes: about.len() });
        }
    }
    found.sort_by_key(|backup| backup.at);
    Ok(found)
}

/// Which of them go where only the newest so many are kept; 0 keeps all.
pub fn superfluous(mut all: Vec<Kept>, kept: usize) -> Vec<Kept> {
    let gone = if kept == 0 { 0 } else { all.len().saturating_sub(kept) };
    all.truncate(gone);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_and_others_files_are_none() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let at = |day: u32| format!("2026-10-{day:02}T01:02:03.004Z").parse::<DateTime<Utc>>();
        for day in [3, 1, 2] {
            fs::write(dir.path().join(name_of(at(day)?)), "x")?;
        }
        for other in ["nearset-backup-mine.tar", "nearset-backup-20261003T010203.004Z.tar.part", "notes"] {
            fs::write(dir.path().join(other), "x")?;
        }
        let all = backups(dir.path())?;
        assert_eq!(all.iter().map(|one| one.at).collect::<Vec<_>>(), [at(1)?, at(2)?, at(3)?]);
        assert_eq!(superfluous(all.clone(), 2), all[..1]);
        assert!(superfluous(all.clone(), 0).is_empty() && superfluous(all, 9).is_empty());
        assert!(backups(&dir.path().join("none"))?.is_empty());
        Ok(())
    }
}

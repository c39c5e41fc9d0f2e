//! `nearset backup`.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::archive::Writing;
use super::keep::{backups, name_of, superfluous};
use super::manifest::{FORMAT, Manifest};
use super::reading::Archive;
use super::snapshot::{Place, Snapshot, Wanted};
use crate::common::files;
use crate::common::language::t;
use crate::common::progress::Progress;
use crate::config::{Config, Values};

/// What has to stay free beside a backup, in bytes.
const RESERVE: u64 = 16 << 20;

/// How a backup is made.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder, or a file ending in `.tar`; BACKUP_DIR where none is named.
    pub to: Option<PathBuf>,
    /// How many are kept there; `None` for what the settings say, 0 for all.
    pub keep: Option<usize>,
    /// Every version, not only those that answer.
    pub all_versions: bool,
    /// Read it again once it is written.
    pub verify: bool,
}

/// A backup that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub manifest: Manifest,
    /// How large it is.
    pub bytes: u64,
    /// Older ones that went.
    pub removed: Vec<PathBuf>,
}

/// Makes a backup while everything goes on.
///
/// # Errors
/// There is nothing to keep, no room, or a file cannot be read or written; then nothing is left.
pub fn make(config: &Config, values: &Values, options: &Options, progress: &Progress<'_>) -> Result<Made> {
    if !config.data_dir.is_dir() {
        bail!(t!(
            "{} does not exist: there is nothing to keep",
            "{} 不存在：没有可备份的内容",
            config.data_dir.display()
        ));
    }
    let snapshot = Snapshot::take(&Wanted { config, values, all_versions: options.all_versions }, progress)?;
    let to = options.to.clone().unwrap_or_else(|| config.backup_dir());
    let is_file = to.extension().is_some_and(|extension| extension == "tar");
    let place = if is_file { to } else { to.join(name_of(snapshot.made_at)) };
    if place.exists() {
        bail!(t!("{} is there already; name another file", "{} 已存在；请换一个文件名", place.display()));
    }
    let needed: u64 = snapshot.pinned.iter().map(|pinned| pinned.bytes).sum();
    let dir = place.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    files::make_dir(dir)?;
    require_room(dir, needed)?;
    let (manifest, bytes) = write(snapshot, place.clone(), needed, progress)?;
    if options.verify {
        Archive::open(&place)?.verify(progress)?;
    }
    let mut removed = Vec::new();
    let keep = options.keep.unwrap_or(config.operations.keep.backups);
    // a clock that was ahead once must not cost the one that was just made
    for old in superfluous(backups(dir)?, keep).into_iter().filter(|old| old.path != place) {
        files::remove(&old.path)?;
        removed.push(old.path);
    }
    Ok(Made { path: place, manifest, bytes, removed })
}

/// Fails where a folder has no room for so many bytes.
pub(super) fn require_room(dir: &Path, needed: u64) -> Result<()> {
    let free = files::free_bytes(dir)?;
    if free < needed + RESERVE {
        bail!(t!(
            "{}: {} MB are free, and {} MB may be needed; make room, or name another folder",
            "{}：剩余 {} MB，可能需要 {} MB；请腾出空间或另指一个目录",
            dir.display(),
            free / 1_000_000,
            (needed + RESERVE) / 1_000_000
        ));
    }
    Ok(())
}

fn write(snapshot: Snapshot, place: PathBuf, total: u64, progress: &Progress<'_>) -> Result<(Manifest, u64)> {
    let mut writing = Writing::begin(place)?;
    let mut done = 0;
    for pinned in &snapshot.pinned {
        let mut told = |bytes| {
            done += bytes;
            progress.at(&format!("{} {} %", pinned.name, done * 100 / total.max(1)));
        };
        let mut from: Box<dyn Read> = match &pinned.at {
            Place::Memory(bytes) => Box::new(Cursor::new(bytes)),
            Place::File(path) => {
                let cannot = || t!("{} cannot be read", "{} 无法读取", pinned.name);
                Box::new(File::open(path).with_context(cannot)?.take(pinned.bytes))
            }
        };
        writing.add(&pinned.name, pinned.part, &mut from, &mut told)?;
    }
    writing.finish(Manifest {
        format: FORMAT,
        nearset: env!("CARGO_PKG_VERSION").to_owned(),
        made_at: snapshot.made_at,
        as_of: snapshot.as_of,
        current: snapshot.current.clone(),
        models: snapshot.models.clone(),
        secrets: snapshot.secrets.clone(),
        members: Vec::new(),
    })
}

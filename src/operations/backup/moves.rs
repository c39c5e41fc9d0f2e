//! Putting many files in place so that a kill at any moment leaves all of the old or all of the new: what is to be renamed is
//! written down first; from then on it is done, now or by the next command.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use crate::common::language::t;
use crate::common::lock::{self, Lock};
use crate::common::{files, scratch};
use crate::config::Config;

/// The folder, in each folder that is restored to, in which everything is made ready.
const FOLDER: &str = ".nearset-restore";

const JOURNAL: &str = "journal.json";

/// A rename that is due: `from` goes to `to`, unless that was done before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Move {
    pub from: PathBuf,
    pub to: PathBuf,
}

/// All that is due, in its order.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Journal {
    /// What makes room, then what takes it.
    moves: Vec<Move>,
    /// Folders that go once it is done.
    staging: Vec<PathBuf>,
}

/// The folder in which everything is made ready for one folder; locked as long as it is.
pub(super) struct Staging {
    pub dir: PathBuf,
    /// What is in it is being put in place: from then on it is the journal's.
    is_committed: bool,
    _lock: Lock,
}

impl Staging {
    /// Makes one, empty; what a killed restore left there goes.
    ///
    /// # Errors
    /// It cannot be made, or another process restores to this folder.
    pub fn begin(root: &Path) -> Result<Self> {
        files::make_dir(root)?;
        scratch::sweep_named(root, FOLDER);
        let dir = root.join(FOLDER);
        // the journal is read wherever the next command is run
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        fs::create_dir(&dir).with_context(|| {
            t!(
                "{} cannot be made; does another restore go on?",
                "{} 无法创建；是否有另一次恢复正在进行？",
                dir.display()
            )
        })?;
        scratch::remove_at_signal(&dir);
        Ok(Self { _lock: lock::wait(&dir)?, is_committed: false, dir })
    }

    /// Where a file is made ready.
    pub fn place(&self, below: &Path) -> PathBuf {
        self.dir.join("new").join(below)
    }

    /// Makes a link ready.
    pub fn link(&self, below: &Path, target: &str) -> Result<()> {
        let place = self.place(below);
        symlink(target, &place).with_context(|| t!("{} cannot be made", "{} 无法创建", place.display()))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if !self.is_committed {
            fs::remove_dir_all(&self.dir).ok();
            scratch::settled(&self.dir);
        }
    }
}

/// Does all of it or nothing: `staging` holds what is ready, the first of them the journal.
///
/// # Errors
/// Before the journal is written nothing has changed; after it, the next command goes on.
pub(super) fn commit(mut staging: Vec<Staging>, moves: Vec<Move>) -> Result<()> {
    let dirs: Vec<PathBuf> = staging.iter().map(|staged| staged.dir.clone()).collect();
    let Some(first) = dirs.first().cloned() else { return Ok(()) };
    for dir in &dirs {
        sync_all(dir)?;
        // a signal may not remove what is being put in place
        scratch::settled(dir);
    }
    moves.iter().try_for_each(require_one_disk)?;
    let journal = Journal { moves, staging: dirs };
    files::write(&first.join(JOURNAL), &serde_json::to_vec(&journal)?)?;
    staging.iter_mut().for_each(|staged| staged.is_committed = true);
    complete(&first, &journal)
}

/// A rename leads to no other disk: where a folder is a link to one, nothing is begun.
fn require_one_disk(due: &Move) -> Result<()> {
    let disk =
        |path: &Path| path.ancestors().skip(1).find_map(|above| fs::metadata(above).ok()).map(|about| about.dev());
    if disk(&due.from) != disk(&due.to) {
        bail!(t!(
            "{} is on another disk than {}, by a link or a mount: restore with --to and copy what is there by hand",
            "{} 与 {} 不在同一磁盘（链接或挂载）：请用 --to 恢复，再手工复制",
            due.to.display(),
            due.from.display()
        ));
    }
    Ok(())
}

fn sync_all(dir: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(dir).contents_first(true) {
        let entry = entry.with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?;
        if entry.file_type().is_dir() {
            files::sync(entry.path())?;
        }
    }
    Ok(())
}

fn complete(dir: &Path, journal: &Journal) -> Result<()> {
    for Move { from, to } in &journal.moves {
        let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
        if is_there(from) && !is_there(to) {
            if let Some(parent) = to.parent() {
                files::make_dir(parent)?;
            }
            files::rename(from, to)?;
            files::sync_parent(from)?;
        }
    }
    files::remove(&dir.join(JOURNAL))?;
    files::sync(dir)?;
    for staging in &journal.staging {
        fs::remove_dir_all(staging).ok();
    }
    Ok(())
}

/// Whether a restore was cut short while it put things in place.
pub fn is_cut_short(config: &Config) -> bool {
    let dir = config.data_dir.join(FOLDER);
    dir.join(JOURNAL).exists() && !lock::is_held(&dir)
}

/// Completes what a restore had begun to put in place when it was killed, or removes what it had only made ready. Returns whether
/// there was anything to complete.
///
/// # Errors
/// A restore goes on right now, or a file cannot be renamed.
pub fn settle(config: &Config) -> Result<bool> {
    let dir = config.data_dir.join(FOLDER);
    if !dir.exists() {
        return Ok(false);
    }
    let folder = fs::File::open(&dir).with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?;
    let Some(held) = lock::take(folder).with_context(|| t!("{} cannot be locked", "{} 无法加锁", dir.display()))?
    else {
        bail!(t!(
            "a backup is being restored to {}; wait until that is done",
            "正在向 {} 恢复备份；请等它完成",
            config.data_dir.display()
        ));
    };
    let Some(text) = files::read(&dir.join(JOURNAL))? else {
        drop(held);
        for root in [&config.data_dir, &config.models_dir, &config.daily_reports_dir()] {
            scratch::sweep_named(root, FOLDER);
        }
        return Ok(false);
    };
    let journal: Journal = serde_json::from_slice(&text)
        .with_context(|| t!("{} makes no sense", "{} 内容有误", dir.join(JOURNAL).display()))?;
    complete(&dir, &journal)?;
    tracing::info!("a restore that was cut short is complete now");
    Ok(true)
}

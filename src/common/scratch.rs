//! What a process needs only while it runs: private folders and work files, removed on every way out; and what it says then.
//!
//! Dropped values remove theirs; a signal that ends the process removes what is left first; what a kill leaves is
//! removed by the next process that needs a folder in the same place, since the lock of its owner is gone.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::common::language::{either, t};

const PREFIX: &str = ".nearset-scratch-";

/// Says something, with the name of the signal.
type Words = Box<dyn FnOnce(&str) + Send>;

/// What happens when a signal ends the process.
struct Left {
    /// Removed.
    paths: Vec<PathBuf>,
    /// Said before, each with its number.
    last_words: Vec<(u64, Words)>,
    /// How many have been said to it so far.
    words_given: u64,
    /// What is under way counts already: no signal ends it any more.
    is_past_return: bool,
    /// What Ctrl-C does instead of ending the process.
    at_interrupt: Option<Box<dyn Fn() + Send>>,
}

static LEFT: Mutex<Left> = Mutex::new(Left {
    paths: Vec::new(),
    last_words: Vec::new(),
    words_given: 0,
    is_past_return: false,
    at_interrupt: None,
});

fn left() -> MutexGuard<'static, Left> {
    LEFT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Has a file or folder removed when a signal ends the process.
pub fn remove_at_signal(path: &Path) {
    left().paths.push(path.to_owned());
}

/// What is said when a signal ends the process; no longer once this is dropped.
#[must_use]
pub struct LastWords(u64);

/// Has something said, with the signal's name, when one ends the process. It must be short, and use nothing else of this module.
pub fn last_words(words: impl FnOnce(&str) + Send + 'static) -> LastWords {
    let mut left = left();
    left.words_given += 1;
    let number = left.words_given;
    left.last_words.push((number, Box::new(words)));
    LastWords(number)
}

impl Drop for LastWords {
    fn drop(&mut self) {
        left().last_words.retain(|(number, _)| *number != self.0);
    }
}

/// Ctrl-C stops what is under way until this is dropped, and not the process.
#[must_use]
pub struct Interruptible(());

/// Has Ctrl-C do this instead of ending the process. It must be short, and use nothing else of this module.
pub fn at_interrupt(stop: impl Fn() + Send + 'static) -> Interruptible {
    left().at_interrupt = Some(Box::new(stop));
    Interruptible(())
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        left().at_interrupt = None;
    }
}

/// Does what cannot be taken back: where it is done, no signal ends the process until [`can_end_again`].
///
/// # Errors
/// Those of `work`; it can still be taken back then.
pub fn past_return<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let mut left = left();
    let done = work();
    left.is_past_return |= done.is_ok();
    done
}

/// What had to come to its end has.
pub fn can_end_again() {
    left().is_past_return = false;
}

/// Makes something that [`remove_at_signal`] names: a signal waits for it, and nothing is made once one has come. What is
/// done meanwhile must be short, and use nothing else of this module.
pub fn uninterrupted<T>(make: impl FnOnce() -> T) -> T {
    let _held = left();
    make()
}

/// Keeps it from then on, or has removed it already.
pub fn settled(path: &Path) {
    left().paths.retain(|other| other != path);
}

/// Does `work`; a signal that ends the process meanwhile first has the last words said and removes what would be left
/// behind. What cannot be taken back any more comes to its end first, and the process with it.
///
/// # Errors
/// Those of `work`; signals cannot be waited for.
pub fn cleaned_up_at_signals<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    let mut signals =
        Signals::new([SIGINT, SIGTERM, SIGHUP]).context(either("signals cannot be waited for", "无法等待信号"))?;
    let handle = signals.handle();
    let waiting = std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            let name = signal_hook::low_level::signal_name(signal).unwrap_or("a signal");
            // held until the end: nothing is begun any more that would have to be removed
            let mut left = left();
            if let (SIGINT, Some(stop)) = (signal, &left.at_interrupt) {
                stop();
                continue;
            }
            if left.is_past_return {
                tracing::warn!("{name} came after publishing: what is left to do of it is done first");
                continue;
            }
            for (_, words) in left.last_words.drain(..) {
                words(name);
            }
            for path in &left.paths {
                fs::remove_file(path).or_else(|_| fs::remove_dir_all(path)).ok();
            }
            signal_hook::low_level::emulate_default_handler(signal).ok();
        }
    });
    let waiting = waiting.context(either("a thread for signals could not be started", "处理信号的线程未能启动"))?;
    let done = work();
    handle.close();
    waiting.join().ok();
    done
}

/// A folder of this process alone, that no other user can read.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    /// Tells others that its owner lives.
    _lock: File,
}

impl Scratch {
    /// Makes one in the first of `places` that can be written, and removes there what processes that are gone have left.
    ///
    /// # Errors
    /// None of the places can be written.
    pub fn new(places: &[&Path]) -> Result<Self> {
        let mut fault = None;
        for place in places {
            match Self::within(place) {
                Ok(made) => return Ok(made),
                Err(error) => fault = Some(error),
            }
        }
        match fault {
            Some(error) => Err(error),
            None => bail!(t!("no place for temporary files is known", "没有可放临时文件的位置")),
        }
    }

    fn within(place: &Path) -> Result<Self> {
        sweep(place);
        for _ in 0..100 {
            let path = place.join(format!("{PREFIX}{}-{:08x}", std::process::id(), rand::random::<u32>()));
            let cannot = || t!("{} cannot be made", "{} 无法创建", path.display());
            remove_at_signal(&path);
            let made = uninterrupted(|| DirBuilder::new().mode(0o700).create(&path));
            if made.is_err() {
                settled(&path);
            }
            match made {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => continue,
                made => made.with_context(cannot)?,
            }
            let lock = File::open(&path).with_context(cannot)?;
            // where folders cannot be locked, they cannot be swept either
            lock.try_lock().ok();
            let is_same = fs::metadata(&path).is_ok_and(|now| lock.metadata().is_ok_and(|own| own.ino() == now.ino()));
            // another process may have swept it before it was locked
            if is_same {
                return Ok(Self { path, _lock: lock });
            }
            settled(&path);
        }
        bail!(t!("no folder of its own can be made in {}", "无法在 {} 中创建专用目录", place.display()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
        settled(&self.path);
    }
}

/// Removes this module's folders whose processes are gone.
pub fn sweep(place: &Path) {
    sweep_named(place, PREFIX);
}

/// Removes the folders whose names begin so and that no process has locked: their owners are gone.
pub fn sweep_named(place: &Path, prefix: &str) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let is_named = entry.file_name().to_string_lossy().starts_with(prefix);
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_named && is_dir && File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok()) {
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_private_goes_with_its_owner_and_spares_those_of_others() -> Result<()> {
        let place = tempfile::tempdir()?;
        let kept = Scratch::new(&[Path::new("/proc/none"), place.path()])?;
        assert_eq!(fs::metadata(kept.path())?.mode() & 0o777, 0o700);
        let gone = place.path().join(format!("{PREFIX}1-dead"));
        fs::create_dir(&gone)?;
        fs::write(gone.join("spilled"), "rows")?;
        let other = Scratch::new(&[place.path()])?;
        assert!(kept.path().exists() && other.path().exists() && !gone.exists());
        let path = other.path().to_owned();
        drop(other);
        assert!(!path.exists());
        Ok(())
    }
}

//! What is to be sent and has not arrived yet: a file each, synced before it counts, so that neither a kill nor a receiver
//! that is down loses one. Any process may put something in; one at a time delivers.
//!
//! Below DATA_DIR/operations/outbox/NAME: what waits; `delivered/`, empty files of names delivered already, so that the same
//! is not sent again; `refused/`, what the receiver will never take.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::clock::{Clock, Stop};
use crate::common::errors::describe;
use crate::common::language::t;
use crate::common::{files, lock};
use crate::config::Config;

/// After how many seconds the first try is repeated; each later wait is twice as long.
const FIRST_WAIT: i64 = 5;
/// The longest wait between two tries, in seconds.
const LONGEST_WAIT: i64 = 15 * 60;
/// How long it is known what was delivered.
const REMEMBERED: TimeDelta = TimeDelta::days(7);

/// One thing to be sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Item<T> {
    /// Its name, which no other has: letters, digits, `-`, `_` and `.`.
    pub id: String,
    /// When it was put in.
    pub at: DateTime<Utc>,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// When it is tried next.
    pub due: DateTime<Utc>,
    /// Why the last try failed.
    pub error: Option<String>,
    /// What is sent.
    pub body: T,
}

/// Why something did not arrive.
#[derive(Debug)]
pub enum Refusal {
    /// It may arrive later; where the receiver said when, not before.
    Later(anyhow::Error, Option<TimeDelta>),
    /// It never will.
    Never(anyhow::Error),
}

/// What one pass did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Arrived.
    pub arrived: usize,
    /// Still waits.
    pub waiting: usize,
    /// Was refused for good.
    pub refused: usize,
}

/// The outbox of one kind of receiver.
#[derive(Clone, Debug)]
pub struct Outbox {
    dir: PathBuf,
}

impl Outbox {
    /// That of a name in DATA_DIR; nothing is made until something is put in.
    pub fn of(config: &Config, name: &str) -> Self {
        Self { dir: config.operations_dir().join("outbox").join(name) }
    }

    fn place(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.json"))
    }

    fn mark(&self, id: &str) -> PathBuf {
        self.dir.join("delivered").join(id)
    }

    /// Puts something in; it is on disk when this returns. False where that id waits, was delivered or was refused already.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn put<T: Serialize>(&self, id: &str, now: DateTime<Utc>, body: T) -> Result<bool> {
        files::make_dir(&self.dir.join("delivered"))?;
        files::make_dir(&self.dir.join("refused"))?;
        let place = self.place(id);
        if place.exists() || self.mark(id).exists() || self.dir.join("refused").join(format!("{id}.json")).exists() {
            return Ok(false);
        }
        let item = Item { id: id.to_owned(), at: now, attempts: 0, due: now, error: None, body };
        files::write(&place, &serde_json::to_vec(&item)?)?;
        Ok(true)
    }

    /// All that waits, in the order in which it was put in. What cannot be read is named in the log and left.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn waiting<T: DeserializeOwned>(&self) -> Result<Vec<Item<T>>> {
        read_all(&self.dir)
    }

    /// All that was refused for good.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn refused<T: DeserializeOwned>(&self) -> Result<Vec<Item<T>>> {
        read_all(&self.dir.join("refused"))
    }

    /// Tries once what is due, in order, unless another process does so now. An item that was sent is remembered before it is
    /// removed; only a kill between the receiver's answer and that, a few milliseconds, sends it twice.
    ///
    /// # Errors
    /// The disk fails.
    pub fn deliver<T: Serialize + DeserializeOwned>(
        &self,
        clock: &dyn Clock,
        stop: &Stop,
        mut send: impl FnMut(&Item<T>) -> std::result::Result<(), Refusal>,
    ) -> Result<Delivered> {
        let mut done = Delivered::default();
        if !self.dir.exists() {
            return Ok(done);
        }
        let folder = fs::File::open(&self.dir).with_context(|| self.unreadable())?;
        let Some(_lock) = lock::take(folder).with_context(|| self.unreadable())? else { return Ok(done) };
        for mut item in self.waiting::<T>()? {
            let place = self.place(&item.id);
            if self.mark(&item.id).exists() {
                files::remove(&place)?;
                continue;
            }
            if stop.is_told() || item.due > clock.now() {
                done.waiting += 1;
                continue;
            }
            match send(&item) {
                Ok(()) => {
                    files::write(&self.mark(&item.id), b"")?;
                    files::remove(&place)?;
                    done.arrived += 1;
                }
                Err(Refusal::Later(error, wait)) => {
                    item.attempts += 1;
                    let doubled = FIRST_WAIT << item.attempts.saturating_sub(1).min(20);
                    let wait = wait.unwrap_or(TimeDelta::seconds(doubled.min(LONGEST_WAIT)));
                    item.due = clock.now() + wait;
                    item.error = Some(describe(&error));
                    files::write(&place, &serde_json::to_vec(&item)?)?;
                    done.waiting += 1;
                }
                Err(Refusal::Never(error)) => {
                    item.attempts += 1;
                    item.error = Some(describe(&error));
                    files::write(
                        &self.dir.join("refused").join(format!("{}.json", item.id)),
                        &serde_json::to_vec(&item)?,
                    )?;
                    files::remove(&place)?;
                    done.refused += 1;
                }
            }
        }
        self.forget(clock.now())?;
        Ok(done)
    }

    /// Has all that waits be due now, whatever was waited for.
    ///
    /// # Errors
    /// The disk fails.
    pub fn hasten(&self, now: DateTime<Utc>) -> Result<()> {
        if !self.dir.exists() {
            return Ok(());
        }
        let folder = fs::File::open(&self.dir).with_context(|| self.unreadable())?;
        let Some(_lock) = lock::take(folder).with_context(|| self.unreadable())? else { return Ok(()) };
        for mut item in self.waiting::<serde_json::Value>()?.into_iter().filter(|item| item.due > now) {
            item.due = now;
            files::write(&self.place(&item.id), &serde_json::to_vec(&item)?)?;
        }
        Ok(())
    }

    /// Removes marks that have grown old.
    fn forget(&self, now: DateTime<Utc>) -> Result<()> {
        for entry in fs::read_dir(self.dir.join("delivered")).with_context(|| self.unreadable())? {
            let entry = entry.with_context(|| self.unreadable())?;
            let modified = entry.metadata().and_then(|data| data.modified()).with_context(|| self.unreadable())?;
            if now - DateTime::<Utc>::from(modified) > REMEMBERED {
                files::remove(&entry.path())?;
            }
        }
        Ok(())
    }

    fn unreadable(&self) -> String {
        t!("{} cannot be read", "{} 无法读取", self.dir.display())
    }
}

fn read_all<T: DeserializeOwned>(dir: &Path) -> Result<Vec<Item<T>>> {
    let mut items = Vec::new();
    if !dir.exists() {
        return Ok(items);
    }
    let cannot = || t!("{} cannot be read", "{} 无法读取", dir.display());
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(dir).with_context(cannot)? {
        let path = entry.with_context(cannot)?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            names.insert(path);
        }
    }
    for path in names {
        // another process may have delivered it meanwhile
        let Some(text) = files::read_text(&path)? else { continue };
        match serde_json::from_str::<Item<T>>(&text) {
            Ok(item) => items.push(item),
            Err(error) => tracing::error!("{} cannot be understood and is not sent: {error}", path.display()),
        }
    }
    items.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
    Ok(items)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use anyhow::anyhow;

    use super::*;

    struct Moved(Mutex<DateTime<Utc>>);

    impl Clock for Moved {
        fn now(&self) -> DateTime<Utc> {
            *self.0.lock().expect("a lock")
        }

        fn wait(&self, until: DateTime<Utc>, _stop: &Stop) -> bool {
            *self.0.lock().expect("a lock") = until;
            false
        }
    }

    #[test]
    fn what_is_put_in_is_sent_once_later_or_never() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let config = Config::for_test(&[("DATA_DIR", &folder.path().to_string_lossy())])?;
        let (outbox, stop) = (Outbox::of(&config, "test"), Stop::default());
        let clock = Moved(Mutex::new(Utc::now()));
        let send = |outbox: &Outbox, answer: &dyn Fn(&str) -> Result<(), Refusal>| {
            outbox.deliver(&clock, &stop, |item: &Item<String>| answer(&item.body))
        };
        assert_eq!(send(&outbox, &|_| Ok(()))?, Delivered::default());
        for id in ["a", "b", "c"] {
            assert!(outbox.put(id, clock.now(), format!("body {id}"))?);
        }
        assert!(!outbox.put("a", clock.now(), "again")?, "it waits already");
        let down = |_: &str| Err(Refusal::Later(anyhow!("down"), None));
        assert_eq!(send(&outbox, &down)?, Delivered { waiting: 3, ..Delivered::default() });
        assert_eq!(send(&outbox, &|_| Ok(()))?, Delivered { waiting: 3, ..Delivered::default() }, "not due yet");
        clock.wait(clock.now() + TimeDelta::seconds(FIRST_WAIT), &stop);
        let picky = |body: &str| if body == "body b" { Err(Refusal::Never(anyhow!("not so"))) } else { Ok(()) };
        assert_eq!(send(&outbox, &picky)?, Delivered { arrived: 2, waiting: 0, refused: 1 });
        assert_eq!(outbox.refused::<String>()?[0].error.as_deref(), Some("not so"));
        let later = |outbox: &Outbox| outbox.put("d", clock.now() + TimeDelta::hours(1), "body d");
        assert!(later(&outbox)?);
        assert_eq!(send(&outbox, &|_| Ok(()))?.waiting, 1);
        outbox.hasten(clock.now())?;
        assert_eq!(send(&outbox, &|_| Ok(()))?.arrived, 1);
        assert!(!outbox.put("a", clock.now(), "again")? && !outbox.put("b", clock.now(), "again")?);
        assert_eq!(send(&outbox, &|_| Ok(()))?, Delivered::default());
        Ok(())
    }
}

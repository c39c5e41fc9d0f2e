//! What is to be sent and has not arrived yet: a file each, synced before it counts, so that neither a kill nor a receiver
//! that is down loses one. Any process may put something in; one at a time delivers.
//!
//! Below DATA_DIR/operations/outbox/NAME: what waits; `delivered/`, empty files of names delivered already, so that the same
//! is not sent again; `refused/`, what the receiver will never take; `gathered/`, what was made of several, until it is handed on.

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
/// After how many seconds a receiver that took nothing is tried again; each later wait is twice as long.
const FIRST_REST: i64 = 1;
/// What stands in the mark of an item that was taken back; nothing does in that of one that was delivered.
const WITHDRAWN: &[u8] = b"withdrawn";
/// How long it is known what was delivered, from when it was put in last.
const REMEMBERED: TimeDelta = TimeDelta::days(7);
/// How long it is shown what was refused.
const SHOWN: TimeDelta = TimeDelta::days(30);

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
    /// Whether all behind it wait for it, too.
    #[serde(default)]
    pub is_holding: bool,
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
    /// The receiver takes nothing now: this and all behind it arrive later.
    Closed(anyhow::Error, Option<TimeDelta>),
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

/// What was made of all that was due, until it is handed on.
#[derive(Serialize, Deserialize)]
struct Gathered<P> {
    id: String,
    of: Vec<String>,
    made: P,
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
        self.put_for(id, now, now, body)
    }

    /// The same for something that is not sent before `due`.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn put_for<T: Serialize>(&self, id: &str, now: DateTime<Utc>, due: DateTime<Utc>, body: T) -> Result<bool> {
        files::make_dir(&self.dir.join("delivered"))?;
        files::make_dir(&self.dir.join("refused"))?;
        let place = self.place(id);
        if let Ok(mark) = fs::File::open(self.mark(id)) {
            // as long as it is put in again and again, it is remembered
            mark.set_modified(now.into()).with_context(|| self.unreadable())?;
            return Ok(false);
        }
        if place.exists() || self.dir.join("refused").join(format!("{id}.json")).exists() {
            return Ok(false);
        }
        let item = Item { id: id.to_owned(), at: now, attempts: 0, due, is_holding: false, error: None, body };
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

    /// How much waits.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn count(&self) -> Result<usize> {
        if !self.dir.exists() {
            return Ok(0);
        }
        let entries = fs::read_dir(&self.dir).with_context(|| self.unreadable())?.flatten();
        Ok(entries.filter(|entry| entry.path().extension().is_some_and(|end| end == "json")).count())
    }

    /// When an id is sent, or `now` where that is over; `None` where it was never put in, was taken back or is forgotten.
    ///
    /// # Errors
    /// What waits cannot be read.
    pub fn when(&self, id: &str, now: DateTime<Utc>) -> Result<Option<DateTime<Utc>>> {
        if let Ok(mark) = fs::metadata(self.mark(id)) {
            return Ok((mark.len() == 0).then_some(now));
        }
        let Some(text) = files::read_text(&self.place(id))? else { return Ok(None) };
        let item: Item<serde_json::Value> = serde_json::from_str(&text).with_context(|| id.to_owned())?;
        Ok(Some(item.due.max(now)))
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
        let Some(_lock) = self.lock()? else { return Ok(done) };
        let items = self.waiting::<T>()?;
        if items.is_empty() {
            return Ok(done);
        }
        let mut is_closed = items.iter().any(|item| item.is_holding && item.due > clock.now());
        for mut item in items {
            let place = self.place(&item.id);
            if self.mark(&item.id).exists() {
                files::remove(&place)?;
                continue;
            }
            if is_closed || stop.is_told() || item.due > clock.now() {
                done.waiting += 1;
                continue;
            }
            match send(&item) {
                Ok(()) => {
                    self.settle(&item.id)?;
                    done.arrived += 1;
                }
                Err(Refusal::Later(error, wait)) => {
                    self.postpone(&mut item, clock.now(), &error, wait, FIRST_WAIT)?;
                    done.waiting += 1;
                }
                Err(Refusal::Closed(error, wait)) => {
                    item.is_holding = true;
                    self.postpone(&mut item, clock.now(), &error, wait, FIRST_REST)?;
                    is_closed = true;
                    done.waiting += 1;
                }
                Err(Refusal::Never(error)) => {
                    self.refuse(&mut item, &error)?;
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
        let Some(_lock) = self.lock()? else { return Ok(()) };
        for mut item in self.waiting::<serde_json::Value>()?.into_iter().filter(|item| item.due > now) {
            item.due = now;
            files::write(&self.place(&item.id), &serde_json::to_vec(&item)?)?;
        }
        Ok(())
    }

    /// Makes one thing of all that is due, which `hand_on` then puts somewhere else, unless another process does so now. What
    /// was made is on disk before it is handed on, under an id of its own: a kill at any moment hands the same on again, under
    /// the same id. How many things that were.
    ///
    /// # Errors
    /// The disk fails, or `hand_on` does.
    pub fn gather<T: DeserializeOwned, P: Serialize + DeserializeOwned>(
        &self,
        now: DateTime<Utc>,
        make: impl FnOnce(&[Item<T>]) -> P,
        mut hand_on: impl FnMut(&str, P) -> Result<()>,
    ) -> Result<usize> {
        let Some(_lock) = self.lock()? else { return Ok(0) };
        let place = self.dir.join("gathered").join("now.json");
        let finish = |gathered: Gathered<P>, hand_on: &mut dyn FnMut(&str, P) -> Result<()>| -> Result<usize> {
            hand_on(&gathered.id, gathered.made)?;
            gathered.of.iter().try_for_each(|id| self.settle(id))?;
            files::remove(&place)?;
            Ok(gathered.of.len())
        };
        let mut before = 0;
        if let Some(text) = files::read_text(&place)? {
            before = finish(serde_json::from_str(&text).with_context(|| place.display().to_string())?, &mut hand_on)?;
        }
        let mut due: Vec<Item<T>> = self.waiting()?;
        due.retain(|item| item.due <= now && !self.mark(&item.id).exists());
        let Some(first) = due.first() else { return Ok(before) };
        let id = format!("{}-{}", now.format("%Y%m%dT%H%M%S%.6f"), first.id);
        let of = due.iter().map(|item| item.id.clone()).collect();
        let gathered = Gathered { id, of, made: make(&due) };
        files::write(&place, &serde_json::to_vec(&gathered)?)?;
        let done = before + finish(gathered, &mut hand_on)?;
        self.forget(now)?;
        Ok(done)
    }

    /// Takes back what waits and is `unwanted`; it can be put in no more. How much that was.
    ///
    /// # Errors
    /// The disk fails.
    pub fn withdraw<T: DeserializeOwned>(&self, unwanted: impl Fn(&Item<T>) -> bool) -> Result<usize> {
        if !self.dir.exists() {
            return Ok(0);
        }
        // whoever gathers or delivers now has read what waits, and may send it
        let _lock = lock::wait(&self.dir)?;
        let unwanted: Vec<Item<T>> = self.waiting()?.into_iter().filter(unwanted).collect();
        for item in &unwanted {
            files::write(&self.mark(&item.id), WITHDRAWN)?;
            files::remove(&self.place(&item.id))?;
        }
        Ok(unwanted.len())
    }

    /// The right to take something out; `None` where nothing was ever put in, or another process has it.
    fn lock(&self) -> Result<Option<lock::Lock>> {
        if !self.dir.exists() {
            return Ok(None);
        }
        let folder = fs::File::open(&self.dir).with_context(|| self.unreadable())?;
        lock::take(folder).with_context(|| self.unreadable())
    }

    /// Remembers an item as delivered, and removes it.
    fn settle(&self, id: &str) -> Result<()> {
        files::write(&self.mark(id), b"")?;
        files::remove(&self.place(id))
    }

    /// Has an item tried again, after `wait` or twice as long as before.
    fn postpone<T: Serialize>(
        &self,
        item: &mut Item<T>,
        now: DateTime<Utc>,
        error: &anyhow::Error,
        wait: Option<TimeDelta>,
        first: i64,
    ) -> Result<()> {
        item.attempts += 1;
        let doubled = (first << item.attempts.saturating_sub(1).min(20)).min(LONGEST_WAIT);
        item.due = now + wait.unwrap_or(TimeDelta::seconds(doubled));
        item.error = Some(describe(error));
        files::write(&self.place(&item.id), &serde_json::to_vec(&item)?)
    }

    /// Lays an item aside for good.
    fn refuse<T: Serialize>(&self, item: &mut Item<T>, error: &anyhow::Error) -> Result<()> {
        item.attempts += 1;
        item.error = Some(describe(error));
        let aside = self.dir.join("refused").join(format!("{}.json", item.id));
        files::write(&aside, &serde_json::to_vec(&item)?)?;
        files::remove(&self.place(&item.id))
    }

    /// Removes what has grown old: marks, and what was refused for good.
    fn forget(&self, now: DateTime<Utc>) -> Result<()> {
        for (folder, kept) in [("delivered", REMEMBERED), ("refused", SHOWN)] {
            for entry in fs::read_dir(self.dir.join(folder)).with_context(|| self.unreadable())? {
                let entry = entry.with_context(|| self.unreadable())?;
                let modified = entry.metadata().and_then(|data| data.modified()).with_context(|| self.unreadable())?;
                if now - DateTime::<Utc>::from(modified) > kept {
                    files::remove(&entry.path())?;
                }
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
    use anyhow::anyhow;

    use super::*;
    use crate::operations::MovedClock;

    #[test]
    fn what_is_put_in_is_sent_once_later_or_never() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let config = Config::for_test(&[("DATA_DIR", &folder.path().to_string_lossy())])?;
        let (outbox, stop) = (Outbox::of(&config, "test"), Stop::default());
        let clock = MovedClock::at(Utc::now());
        let send = |outbox: &Outbox, answer: &dyn Fn(&str) -> Result<(), Refusal>| {
            outbox.deliver(&clock, &stop, |item: &Item<String>| answer(&item.body))
        };
        assert_eq!(send(&outbox, &|_| Ok(()))?, Delivered::default());
        for id in ["a", "b", "c"] {
            assert!(outbox.put(id, clock.now(), format!("body {id}"))?);
        }
        assert!(!outbox.put("a", clock.now(), "again")?, "it waits already");
        let closed = |_: &str| Err(Refusal::Closed(anyhow!("closed"), None));
        assert_eq!(send(&outbox, &closed)?, Delivered { waiting: 3, ..Delivered::default() });
        assert_eq!(send(&outbox, &|_| Ok(()))?, Delivered { waiting: 3, ..Delivered::default() }, "all wait for one");
        clock.wait(clock.now() + TimeDelta::seconds(FIRST_REST), &stop);
        let down = |_: &str| Err(Refusal::Later(anyhow!("down"), None));
        assert_eq!(send(&outbox, &down)?, Delivered { waiting: 3, ..Delivered::default() });
        assert_eq!(send(&outbox, &|_| Ok(()))?, Delivered { waiting: 3, ..Delivered::default() }, "not due yet");
        clock.wait(clock.now() + TimeDelta::seconds(2 * FIRST_WAIT), &stop);
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

    #[test]
    fn what_is_due_becomes_one_thing_which_is_handed_on_once_whenever_the_process_ends() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let config = Config::for_test(&[("DATA_DIR", &folder.path().to_string_lossy())])?;
        let (outbox, next) = (Outbox::of(&config, "parts/one"), Outbox::of(&config, "parts/one/whole"));
        let now = Utc::now();
        let gather = |now, ends: bool| {
            let make =
                |items: &[Item<String>]| items.iter().map(|item| item.body.clone()).collect::<Vec<_>>().join("+");
            outbox.gather(now, make, |id, whole: String| {
                next.put(id, now, whole)?;
                if ends { Err(anyhow!("killed")) } else { Ok(()) }
            })
        };
        for (id, wait) in [("a", 0), ("b", 0), ("later", 60)] {
            outbox.put_for(id, now, now + TimeDelta::seconds(wait), id.to_owned())?;
        }
        assert!(gather(now, true).is_err());
        outbox.put("c", now, "c".to_owned())?;
        assert_eq!((gather(now, false)?, gather(now, false)?), (3, 0));
        let waiting = |outbox: &Outbox| -> Result<Vec<String>> {
            Ok(outbox.waiting::<String>()?.into_iter().map(|item| item.body).collect())
        };
        assert_eq!(waiting(&next)?, ["a+b", "c"]);
        assert!(!outbox.put("a", now, "a".to_owned())?, "it was handed on");
        assert_eq!(outbox.withdraw::<String>(|item| item.id == "later")?, 1);
        assert_eq!((gather(now + TimeDelta::days(1), false)?, waiting(&outbox)?), (0, Vec::new()));
        Ok(())
    }
}

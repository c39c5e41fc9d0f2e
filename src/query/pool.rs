//! The processes that answer a server's queries: as many as are needed at the same time, kept for the next query.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream as Socket;
use std::process::Child;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::Refusal;
use super::frames::{self, Ask, Fault, Head, Kind, PREFIX};
use crate::common::language::either;
use crate::config::Config;

/// How many queries wait at most for each that is answered.
const WAITING: usize = 32;

/// How long a process may take to open the warehouse; only then does the time of a query begin.
const OPENS: Duration = Duration::from_secs(60);

/// For whom a query is asked; neither waits for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A page or a route of the server's own.
    Server,
    /// Somebody with a query of their own.
    Analyst,
}

/// Those who may ask at the same time, and those who wait.
struct Turns {
    at_once: usize,
    free: Arc<Semaphore>,
    /// The turns that queries of one text may have, by the text: one that is slow leaves one to others.
    of_text: Mutex<HashMap<String, Weak<Semaphore>>>,
    waiting: AtomicUsize,
}

/// A turn, as long as it is held.
struct Turn {
    _of_text: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Turns {
    fn new(at_once: usize) -> Self {
        Self {
            at_once,
            free: Arc::new(Semaphore::new(at_once)),
            of_text: Mutex::default(),
            waiting: AtomicUsize::new(0),
        }
    }

    /// The turns that queries of this text share.
    fn of_text(&self, text: &str) -> Arc<Semaphore> {
        let mut known = self.of_text.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = known.get(text).and_then(Weak::upgrade) {
            return shared;
        }
        known.retain(|_, shared| shared.strong_count() > 0);
        let shared = Arc::new(Semaphore::new((self.at_once - 1).max(1)));
        known.insert(text.to_owned(), Arc::downgrade(&shared));
        shared
    }

    async fn take(&self, text: &str, until: Instant) -> Result<Turn, Refusal> {
        /// Counts down whatever becomes of whoever waits.
        struct Waiting<'a>(&'a AtomicUsize);
        impl Drop for Waiting<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        let before = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        if before >= WAITING * self.at_once {
            return Err(Refusal::Busy);
        }
        let both = async {
            let of_text = self.of_text(text).acquire_owned().await?;
            Ok::<_, AcquireError>(Turn { _of_text: of_text, _of_all: self.free.clone().acquire_owned().await? })
        };
        match timeout_at(until, both).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
        }
    }
}

/// What is told of every query that ends: who asked, what became of it, and how long that took.
pub type Observer = Box<dyn Fn(Asker, Outcome, Duration) + Send + Sync>;

/// What became of a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// There is an answer.
    Answered,
    /// It was wrong, or asked for what it may not have.
    Refused,
    /// It needed too much time or memory.
    TooMuch,
    /// It did not come to its turn.
    Busy,
    /// The warehouse is not there.
    Unavailable,
    /// Whoever asked left.
    Left,
}

impl Outcome {
    /// All, with their names in metrics.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Answered, "answered"),
        (Self::Refused, "refused"),
        (Self::TooMuch, "too_much"),
        (Self::Busy, "busy"),
        (Self::Unavailable, "unavailable"),
        (Self::Left, "left"),
    ];

    /// Its name in metrics.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find_map(|(one, name)| (one == self).then_some(name)).unwrap_or_default()
    }

    fn of<T>(asked: &Result<T, Refusal>) -> Self {
        match asked {
            Ok(_) => Self::Answered,
            Err(Refusal::Wrong(_)) => Self::Refused,
            Err(Refusal::TooMuch(_)) => Self::TooMuch,
            Err(Refusal::Busy) => Self::Busy,
            Err(Refusal::NoWarehouse | Refusal::Broken) => Self::Unavailable,
        }
    }
}

/// A query until it ends: dropped before, whoever asked has left.
struct Watched<'a> {
    pool: &'a Pool,
    asker: Asker,
    began: Instant,
    outcome: Outcome,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        (self.pool.observer)(self.asker, self.outcome, self.began.elapsed());
    }
}

/// All processes.
pub struct Pool {
    config: Arc<Config>,
    observer: Observer,
    idle: Mutex<Vec<Worker>>,
    server: Turns,
    analysts: Turns,
}

impl Pool {
    /// None is started yet.
    pub fn new(config: Arc<Config>, observer: Observer) -> Self {
        let at_once = config.queries.at_once.max(1);
        Self { idle: Mutex::default(), server: Turns::new(at_once), analysts: Turns::new(at_once), config, observer }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Worker>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process that is free.
    async fn worker(&self) -> io::Result<Worker> {
        let next = || self.idle().pop();
        while let Some(mut worker) = next() {
            // the system may have ended it meanwhile
            if worker.is_alive() {
                return Ok(worker);
            }
        }
        Worker::start(&self.config).await
    }

    /// Asks a query, once it is its turn. Whoever drops the answer, or what is returned here, ends the query.
    ///
    /// # Errors
    /// It has no answer, or none in time.
    pub async fn ask(self: &Arc<Self>, asker: Asker, ask: &Ask) -> Result<Answer, Refusal> {
        let mut watched = Watched { pool: self, asker, began: Instant::now(), outcome: Outcome::Left };
        let asked = self.take_turn(asker, ask).await;
        watched.outcome = Outcome::of(&asked);
        asked
    }

    async fn take_turn(self: &Arc<Self>, asker: Asker, ask: &Ask) -> Result<Answer, Refusal> {
        let limit = self.config.queries.timeout;
        let turns = match asker {
            Asker::Server => &self.server,
            Asker::Analyst => &self.analysts,
        };
        let turn = turns.take(&ask.sql, Instant::now() + limit).await?;
        let mut worker = self.worker().await.map_err(|error| broken(&error))?;
        let opened = timeout_at(Instant::now() + OPENS, worker.ask(ask)).await;
        let asked = match opened.map_err(|_| broken(&"it does not open in time"))?.map_err(ended)? {
            Some(fault) => Asked::Fault(fault),
            None => {
                let asked = timeout_at(Instant::now() + limit, worker.asked()).await;
                asked.map_err(|_| too_long(limit))?.map_err(ended)?
            }
        };
        match asked {
            Asked::Head(head) => {
                let until = Instant::now() + limit;
                Ok(Answer { head, worker: Some(worker), pool: self.clone(), until, _turn: turn })
            }
            Asked::Fault(fault) => {
                self.idle().push(worker);
                Err(Refusal::from(fault))
            }
        }
    }
}

fn too_long(limit: Duration) -> Refusal {
    let seconds = limit.as_secs();
    Refusal::TooMuch(format!("the query took longer than SQL_SECONDS ({seconds} s) and was ended"))
}

/// What is said where a process is gone in the middle of a query.
fn ended(error: io::Error) -> Refusal {
    tracing::warn!("a query ended its process: {error}");
    Refusal::TooMuch(
        "the query ended the process that answered it: it needs too much memory, or is too deep".to_owned(),
    )
}

/// What is internal goes to the log.
fn broken(cause: &dyn std::fmt::Display) -> Refusal {
    tracing::error!("the warehouse cannot be asked: {cause}");
    Refusal::Broken
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::NoWarehouse => Self::NoWarehouse,
            Fault::Wrong(mistake) => Self::Wrong(mistake),
            Fault::TooMuch(message) => Self::TooMuch(message),
            Fault::Broken(message) => broken(&message),
        }
    }
}

/// What a query is answered with first.
enum Asked {
    Head(Head),
    Fault(Fault),
}

/// An answer whose bytes come one chunk after the other.
pub struct Answer {
    /// What is known of it.
    pub head: Head,
    /// Until the last chunk has come, or something went wrong: then it is no longer of use.
    worker: Option<Worker>,
    pool: Arc<Pool>,
    until: Instant,
    _turn: Turn,
}

impl Answer {
    /// The next chunk; none at the end.
    ///
    /// # Errors
    /// The process is gone, or nobody took the chunks for too long.
    pub async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let Some(mut worker) = self.worker.take() else { return Ok(None) };
        let (kind, bytes) = timeout_at(self.until, worker.read()).await.map_err(io::Error::other)??;
        match kind {
            Kind::Bytes => {
                self.worker = Some(worker);
                Ok(Some(bytes))
            }
            Kind::End => {
                self.pool.idle().push(worker);
                Ok(None)
            }
            _ => Err(io::Error::other(either("an answer broke off", "应答中断"))),
        }
    }
}

/// A process, from this side. Dropped, it is ended, whatever it does.
struct Worker {
    stream: UnixStream,
    process: Option<Child>,
}

impl Worker {
    async fn start(config: &Arc<Config>) -> io::Result<Self> {
        let started = tokio::task::spawn_blocking(start).await;
        let (socket, process) = started.map_err(io::Error::other)??;
        socket.set_nonblocking(true)?;
        let mut worker = Self { stream: UnixStream::from_std(socket)?, process };
        worker.stream.write_all(&frames::framed_json(Kind::Hello, &*config.handed_on)?).await?;
        Ok(worker)
    }

    fn is_alive(&mut self) -> bool {
        self.process.as_mut().is_none_or(|process| matches!(process.try_wait(), Ok(None)))
    }

    /// Hands a query on; returns once the warehouse is open, or why it is not.
    async fn ask(&mut self, ask: &Ask) -> io::Result<Option<Fault>> {
        self.stream.write_all(&frames::framed_json(Kind::Ask, ask)?).await?;
        let frame = self.read().await?;
        match frame.0 {
            Kind::Open => Ok(None),
            _ => frames::value(Some(frame), Kind::Fault).map(Some),
        }
    }

    /// What the query that was asked is answered with first.
    async fn asked(&mut self) -> io::Result<Asked> {
        let frame = self.read().await?;
        match frame.0 {
            Kind::Fault => frames::value(Some(frame), Kind::Fault).map(Asked::Fault),
            _ => frames::value(Some(frame), Kind::Head).map(Asked::Head),
        }
    }

    async fn read(&mut self) -> io::Result<(Kind, Vec<u8>)> {
        let mut prefix = [0; PREFIX];
        self.stream.read_exact(&mut prefix).await?;
        let (kind, length) = frames::opened(prefix)?;
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).await?;
        Ok((kind, bytes))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let Some(mut process) = self.process.take() else { return };
        process.kill().ok();
        // to give back much memory takes a while
        std::thread::spawn(move || process.wait());
    }
}

/// Starts a process: the program that runs, also where another one has taken its place on disk. Of this one's environment it
/// gets nothing.
#[cfg(not(test))]
fn start() -> io::Result<(Socket, Option<Child>)> {
    use std::os::fd::OwnedFd;
    use std::os::unix::process::CommandExt;
    use std::process::{Command, Stdio};

    let (ours, theirs) = Socket::pair()?;
    let process = Command::new("/proc/self/exe")
        .arg0("nearset")
        .arg(super::worker::WORD)
        .env_clear()
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok((ours, Some(process)))
}

/// Unit tests have no program: a thread of theirs answers.
#[cfg(test)]
fn start() -> io::Result<(Socket, Option<Child>)> {
    let (ours, theirs) = Socket::pair()?;
    std::thread::spawn(move || super::worker::serve(theirs, |_| {}, || {}));
    Ok((ours, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn queries_of_one_text_leave_a_turn_to_others() {
        let soon = || Instant::now() + Duration::from_millis(20);
        let turns = Turns::new(2);
        let slow = turns.take("slow", soon()).await;
        assert!(slow.is_ok());
        assert!(matches!(turns.take("slow", soon()).await, Err(Refusal::Busy)));
        assert!(turns.take("other", soon()).await.is_ok());
        drop(slow);
        assert!(turns.take("slow", soon()).await.is_ok());
        assert_eq!(turns.of_text.lock().expect("texts").len(), 1, "what nobody asks is forgotten");
        // where there is one turn, it is anybody's
        assert!(Turns::new(1).take("slow", soon()).await.is_ok());
    }
}

//! A process that answers a server's queries: no query can take the server down with it, and one that goes on for too long, or
//! that nobody waits for any more, ends with its process.

use std::io::{self, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};

use super::answer::{Answerer, Ended, SPILLS};
use super::frames::{self, Ask, Hello, Kind};
use crate::common::language::either;
use crate::common::{priority, scratch};
use crate::config::Config;

/// The word on the command line by which the program is such a process. It is no command of anybody's.
pub const WORD: &str = "query-worker";

/// What a process may hold beside twice what a query may: stacks, what the allocator keeps.
const BESIDE: u64 = 1 << 30;

/// How often a process that has nothing to do looks whether a run has published.
const LOOKS: Duration = Duration::from_secs(1);

/// Whether the program was started as one.
pub fn is_worker() -> bool {
    std::env::args_os().nth(1).is_some_and(|word| word == WORD)
}

/// Answers what comes on standard input until the server is gone.
///
/// # Errors
/// What comes is not from a server.
pub fn work() -> Result<()> {
    priority::low_of_process();
    scratch::cleaned_up_at_signals(|| {
        let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        serve(stream, limit, || {
            // the query under way is nobody's any more
            kill_process(getpid(), Signal::TERM).ok();
        })
    })
}

/// Keeps the process to what its queries may use, where DuckDB's own limits do not.
fn limit(answerer: &Answerer) {
    let most = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
    for (resource, limit) in [
        (Resource::Data, most(2 * answerer.memory() + BESIDE)),
        (Resource::Fsize, most(SPILLS * answerer.memory())),
        (Resource::Core, most(0)),
    ] {
        setrlimit(resource, limit).ok();
    }
    // where the machine runs out of memory, this process goes before any other
    std::fs::write("/proc/self/oom_score_adj", "1000").ok();
}

/// Answers one query after the other; `gone` is called once the other side is.
///
/// # Errors
/// What comes is no query.
pub fn serve(stream: UnixStream, limit: fn(&Answerer), gone: fn()) -> Result<()> {
    let mut out = stream.try_clone()?;
    let mut from = BufReader::new(stream);
    let hello: Hello = frames::value(frames::read(&mut from)?, Kind::Hello)?;
    let mut answerer = Answerer::new(Config::of_another(&hello)?);
    limit(&answerer);
    let (hand, asked) = mpsc::channel::<Ask>();
    // reads on while a query is answered: that is how it is known that nobody waits
    std::thread::Builder::new().name("asked".to_owned()).spawn(move || {
        while let Ok(ask) = frames::read(&mut from).and_then(|frame| frames::value(frame, Kind::Ask)) {
            if hand.send(ask).is_err() {
                break;
            }
        }
        gone();
    })?;
    loop {
        let ask = match asked.recv_timeout(LOOKS) {
            Ok(ask) => ask,
            Err(RecvTimeoutError::Timeout) => {
                answerer.keep_up();
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        };
        let fault = match answerer.answer(&ask, &mut out) {
            Ok(()) => continue,
            Err(Ended::Gone(error)) => return Err(error).context(either("nobody takes an answer", "应答无人接收")),
            Err(Ended::Fault(fault)) => fault,
        };
        out.write_all(&frames::framed_json(Kind::Fault, &fault)?)?;
    }
}

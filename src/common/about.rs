//! What the lines of the log are about: the request that a task answers, the run that this process makes. It costs nothing
//! until a line is written.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use tokio::task::JoinError;

tokio::task_local! {
    static REQUEST: RefCell<Request>;
}

static RUN: RwLock<Option<Run>> = RwLock::new(None);

/// A request while it is answered.
#[derive(Clone, Debug)]
struct Request {
    id: String,
    trace: Option<String>,
    parts: [Duration; PARTS.len()],
}

/// A part of an answer that may take long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Waiting for its turn among the answers of its connection.
    Turn,
    /// Finding or making the list.
    List,
    /// Noting in the exposure log what is shown.
    ExposureLog,
}

/// All parts, in the order in which they come.
const PARTS: [Part; 3] = [Part::Turn, Part::List, Part::ExposureLog];

impl Part {
    /// Its name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turn => "turn",
            Self::List => "list",
            Self::ExposureLog => "exposure_log",
        }
    }
}

/// A run while it goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The step that it is at.
    pub step: Option<&'static str>,
}

/// Does what answers a request; what it logs bears the request's id, and its trace's, where it is traced.
pub async fn answering<T>(id: String, trace: Option<String>, answer: impl Future<Output = T>) -> T {
    let request = Request { id, trace, parts: Default::default() };
    REQUEST.scope(RefCell::new(request), answer).await
}

/// Does what blocks on a thread that may; what it logs is about the same request.
///
/// # Errors
/// It panicked.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, JoinError> {
    let request = REQUEST.try_with(RefCell::clone).ok();
    let of_request = move || match request {
        Some(request) => REQUEST.sync_scope(request, work),
        None => work(),
    };
    tokio::task::spawn_blocking(of_request).await
}

/// The id of the request that this task answers.
pub fn request_id() -> Option<String> {
    REQUEST.try_with(|request| request.borrow().id.clone()).ok()
}

/// The id of the trace that the request of this task is in.
pub fn trace_id() -> Option<String> {
    REQUEST.try_with(|request| request.borrow().trace.clone()).ok().flatten()
}

/// Has the request that this task answers be known by another id from now on.
pub fn request_is(id: &str) {
    REQUEST.try_with(|request| id.clone_into(&mut request.borrow_mut().id)).ok();
}

/// Notes how long a part of the answer took.
pub fn took(part: Part, time: Duration) {
    REQUEST.try_with(|request| request.borrow_mut().parts[part as usize] += time).ok();
}

/// How long each part of the answer took so far.
pub fn parts() -> [(Part, Duration); PARTS.len()] {
    let times = REQUEST.try_with(|request| request.borrow().parts).unwrap_or_default();
    PARTS.map(|part| (part, times[part as usize]))
}

/// Says which run this process makes from now on.
pub fn run_is(run: Option<Run>) {
    *RUN.write().unwrap_or_else(PoisonError::into_inner) = run;
}

/// The run that this process makes.
pub fn run() -> Option<Run> {
    RUN.read().unwrap_or_else(PoisonError::into_inner).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_known_where_it_is_answered_and_nowhere_else() -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let seen = runtime.block_on(answering("req_a".to_owned(), None, async {
            took(Part::List, Duration::from_millis(3));
            let before = blocking(request_id).await.ok().flatten();
            request_is("req_b");
            (before, request_id(), parts())
        }));
        let ids = ["req_a", "req_b"].map(|id| Some(id.to_owned()));
        assert_eq!((&seen.0, &seen.1), (&ids[0], &ids[1]));
        assert_eq!(seen.2[1], (Part::List, Duration::from_millis(3)));
        assert_eq!((request_id(), parts()[1].1), (None, Duration::ZERO));
        Ok(())
    }
}

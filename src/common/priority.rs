//! Who gives way: a run and the server's own background work let requests go first.

use rustix::process::{Pid, setpriority_process};

/// The whole process, from now on, runs behind whatever is more urgent on this machine (nice 10).
pub fn low_of_process() {
    if let Err(error) = setpriority_process(None, 10) {
        tracing::debug!("the priority stays as it is: {error}");
    }
}

/// The calling thread runs only when nothing else wants to (nice 19).
pub fn lowest_of_thread() {
    // on Linux a thread has a priority of its own, set by its id
    let thread: Option<Pid> = Some(rustix::thread::gettid());
    if let Err(error) = setpriority_process(thread, 19) {
        tracing::debug!("the priority stays as it is: {error}");
    }
}

//! What one process does of operations beside its own work: each duty on a thread of its own, all of them told to stop
//! together.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, Result};

use super::clock::{Clock, Stop, SystemClock};
use crate::common::language::either;
use crate::config::Config;

/// Something done again and again until it is told to stop.
pub struct Duty {
    /// Its name, in logs and as its thread's.
    pub name: &'static str,
    /// Does it; returns once stopped. An error ends this duty alone and is logged.
    pub attend: fn(&Config, &dyn Clock, &Stop) -> Result<()>,
}

/// Duties under way.
pub struct Duties {
    stop: Arc<Stop>,
    threads: Vec<JoinHandle<()>>,
}

impl Duties {
    /// Begins them.
    ///
    /// # Errors
    /// A thread cannot be started; those that were are stopped.
    pub fn begin(config: &Config, duties: impl IntoIterator<Item = Duty>) -> Result<Self> {
        let mut begun = Self { stop: Arc::default(), threads: Vec::new() };
        for duty in duties {
            let (config, stop) = (config.clone(), begun.stop.clone());
            let attend = move || {
                if let Err(error) = (duty.attend)(&config, &SystemClock, &stop) {
                    tracing::error!("{} ended: {error:#}", duty.name);
                }
            };
            let thread = std::thread::Builder::new().name(duty.name.to_owned()).spawn(attend);
            begun.threads.push(thread.context(either("a thread could not be started", "线程未能启动"))?);
        }
        Ok(begun)
    }

    /// Waits until all of them have ended by themselves.
    pub fn wait(mut self) {
        self.join();
    }

    /// Tells them to stop, and waits until they have.
    pub fn end(mut self) {
        self.stop.tell();
        self.join();
    }

    fn join(&mut self) {
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a duty panicked");
            }
        }
    }
}

impl Drop for Duties {
    fn drop(&mut self) {
        self.stop.tell();
        self.join();
    }
}

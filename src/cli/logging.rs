//! The log: on standard error, without secrets; `NEARSET_LOG`, else LOG_LEVEL, says how much of it.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::common::secrets::ScrubbedStderr;
use crate::operations::run_log::RunLines;

/// Starts it, at a level of the settings.
pub fn start(level: &str) {
    let filter = EnvFilter::try_from_env("NEARSET_LOG").unwrap_or_else(|_| EnvFilter::new(format!("nearset={level}")));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(ScrubbedStderr::default)
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .finish()
        .with(RunLines)
        .init();
}

//! The log: on standard error, without secrets; `NEARSET_LOG`, else LOG_LEVEL, says how much of it, LOG_FORMAT how it looks.

use std::io::{self, IsTerminal};

use tracing_subscriber::fmt::format::Format;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry};

use crate::common::log_line::{JsonLine, TextLine};
use crate::common::secrets::ScrubbedStderr;
use crate::config::LogFormat;
use crate::operations::run_log::RunLines;

/// Starts it, at a level and in a format of the settings.
pub fn start(level: &str, format: LogFormat) {
    let filter = EnvFilter::try_from_env("NEARSET_LOG").unwrap_or_else(|_| EnvFilter::new(format!("nearset={level}")));
    let lines = fmt::layer().with_writer(ScrubbedStderr::default).log_internal_errors(false);
    let is_colored = io::stderr().is_terminal();
    let lines = match format {
        LogFormat::Text => lines
            .with_ansi(is_colored)
            .event_format(TextLine(Format::default().with_target(false).with_ansi(is_colored)))
            .boxed(),
        LogFormat::Json => lines.with_ansi(false).event_format(JsonLine).boxed(),
    };
    registry().with(filter).with(lines).with(RunLines).init();
}

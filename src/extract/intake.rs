//! What all sources are taken in with.

use chrono::{DateTime, Utc};
use duckdb::Connection;

use crate::common::progress::Progress;
use crate::config::Config;

/// One taking in, of whatever source.
#[derive(Clone, Copy)]
pub struct Intake<'a> {
    /// The work copy.
    pub db: &'a Connection,
    /// The settings.
    pub config: &'a Config,
    /// The moment that stands for now.
    pub as_of: DateTime<Utc>,
    /// Who is told of what goes on.
    pub progress: &'a Progress<'a>,
}

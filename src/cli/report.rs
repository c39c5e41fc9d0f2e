//! `nearset report`.

use anyhow::Result;
use chrono::NaiveDate;
use clap::Args;

use crate::common::terminal::say;
use crate::config::Config;
use crate::evaluate::reports;

#[derive(Debug, Args)]
pub struct Report {
    /// The day, as 2026-10-01
    #[arg(long)]
    date: NaiveDate,
}

impl Report {
    pub fn run(self, config: &Config) -> Result<()> {
        say!("{}", reports::write_daily(config, self.date)?.display());
        Ok(())
    }
}

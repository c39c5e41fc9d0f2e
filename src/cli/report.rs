//! `nearset report`.

use anyhow::Result;
use chrono::NaiveDate;
use clap::Args;

use crate::common::files;
use crate::common::terminal::say;
use crate::config::Config;
use crate::evaluate::reports;

#[derive(Debug, Args)]
pub struct Report {
    /// The day, as 2026-10-01
    #[arg(long)]
    date: NaiveDate,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Report {
    pub fn run(self, config: &Config) -> Result<()> {
        let path = reports::write_daily(config, self.date)?;
        match self.json {
            true => say!("{}", files::read_text(&path)?.unwrap_or_default().trim_end()),
            false => say!("{}", path.display()),
        }
        Ok(())
    }
}

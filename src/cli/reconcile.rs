//! `nearset reconcile`.

use std::io;

use anyhow::Result;
use chrono::NaiveDate;
use clap::Args;

use crate::common::files;
use crate::common::terminal::say;
use crate::config::Config;
use crate::evaluate::reports;
use crate::query::{Format, Query, run_query};

#[derive(Debug, Args)]
pub struct Reconcile {
    /// The first day, as 2026-10-01
    #[arg(long)]
    start: NaiveDate,
    /// The last day
    #[arg(long)]
    end: NaiveDate,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Reconcile {
    pub fn run(self, config: &Config) -> Result<()> {
        let path = reports::write_reconciliation(config, self.start, self.end)?;
        if self.json {
            say!("{}", files::read_text(&path)?.unwrap_or_default().trim_end());
            return Ok(());
        }
        let query = Query::of(reports::reconciliation_query(self.start, self.end));
        run_query(config, &query, Format::Table, &mut io::stdout())?;
        say!("{}", path.display());
        Ok(())
    }
}

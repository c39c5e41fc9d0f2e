//! `nearset reconcile`.

use std::io;

use anyhow::Result;
use chrono::NaiveDate;
use clap::Args;

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
}

impl Reconcile {
    pub fn run(self, config: &Config) -> Result<()> {
        let path = reports::write_reconciliation(config, self.start, self.end)?;
        let query = Query::of(reports::reconciliation_query(self.start, self.end));
        run_query(config, &query, Format::Table, &mut io::stdout())?;
        say!("{}", path.display());
        Ok(())
    }
}

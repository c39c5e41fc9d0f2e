//! `nearset runs`.

use anyhow::Result;
use clap::Args;

use crate::common::terminal::say;
use crate::config::Config;
use crate::pipeline::past_runs;

#[derive(Debug, Args)]
pub struct Runs {
    /// How many runs to show, newest last
    #[arg(long, default_value_t = 10)]
    limit: usize,
}

impl Runs {
    pub fn run(self, config: &Config) -> Result<()> {
        let runs = past_runs(config)?;
        if runs.is_empty() {
            say!("no runs yet; `nearset run` makes the first");
        }
        for run in &runs[runs.len().saturating_sub(self.limit)..] {
            say!("{run}");
        }
        Ok(())
    }
}

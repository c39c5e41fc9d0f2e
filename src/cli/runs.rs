//! `nearset runs`.

use anyhow::Result;
use clap::Args;

use crate::common::language::t;
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
            say!("{}", t!("no runs yet; `nearset run` makes the first", "还没有运行过；用 `nearset run` 开始第一次"));
        }
        for run in &runs[runs.len().saturating_sub(self.limit)..] {
            say!("{run}");
        }
        Ok(())
    }
}

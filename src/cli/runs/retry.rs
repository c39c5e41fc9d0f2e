//! `nearset runs retry`.

use anyhow::{Context, Result};
use clap::Args;

use crate::cli::run::retry_pipeline;
use crate::common::language::t;
use crate::common::priority;
use crate::common::progress::StepBar;
use crate::common::terminal::say;
use crate::config::Config;
use crate::operations::run_log::{self, Record};
use crate::pipeline::shown_state;
use crate::warehouse::Outcome;

#[derive(Debug, Args)]
pub struct Retry {
    /// The run's id or its beginning, or `last`
    #[arg(default_value = "last")]
    run: String,
}

impl Retry {
    pub fn run(self, config: &Config) -> Result<()> {
        let look = run_log::find(config, &self.run)?;
        let run = look.run;
        if matches!(look.outcome, Outcome::Done | Outcome::HeldBack) {
            let state = shown_state(look.outcome.name());
            say!("{}", t!("run {run}: {state}; there is nothing to try again", "运行 {run}：{state}；无需重试"));
            return Ok(());
        }
        let record = Record::read(config, &run)?.with_context(|| {
            t!(
                "what run {run} was asked for is not known any more (KEEP_RUN_LOGS_DAYS); `nearset run` runs anew",
                "运行 {run} 的选项已不可考（KEEP_RUN_LOGS_DAYS）；请用 `nearset run` 重新运行"
            )
        })?;
        priority::low_of_process();
        retry_pipeline(config, &record.asked.options, &run, StepBar::default())
    }
}

//! `nearset runs cancel`.

use anyhow::{Result, bail};
use clap::Args;

use crate::common::language::t;
use crate::common::terminal::say;
use crate::config::Config;
use crate::operations::run_log::{self, Cancelled};
use crate::pipeline::shown_state;
use crate::warehouse::Outcome;

#[derive(Debug, Args)]
pub struct Cancel {
    /// The run's id or its beginning, or `last`
    #[arg(default_value = "last")]
    run: String,
}

impl Cancel {
    pub fn run(self, config: &Config) -> Result<()> {
        match run_log::cancel(config, &self.run)? {
            Cancelled::NoneGoesOn => say!("{}", t!("no run goes on", "没有正在进行的运行")),
            Cancelled::HadEnded(run, outcome) => {
                let state = shown_state(outcome.name());
                say!("{}", t!("run {run} had ended before: {state}", "运行 {run} 此前已结束：{state}"));
            }
            Cancelled::Ended(run, Outcome::Cancelled | Outcome::Killed) => say!(
                "{}",
                t!(
                    "run {run} is cancelled: nothing was published and nothing of it is left; `nearset runs retry` runs it \
                     again",
                    "运行 {run} 已取消：未发布任何内容，也没有残留；`nearset runs retry` 可重新运行"
                )
            ),
            Cancelled::Ended(run, outcome) => {
                let state = shown_state(outcome.name());
                bail!(t!("run {run} ended before it was cancelled: {state}", "运行 {run} 在取消前已结束：{state}"));
            }
        }
        Ok(())
    }
}

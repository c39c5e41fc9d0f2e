//! `nearset runs`.

mod cancel;
mod log;
mod retry;
mod show;

use anyhow::Result;
use clap::{Args, Subcommand};

use super::examples::examples;
use crate::common::language::t;
use crate::common::terminal::say;
use crate::config::Config;
use crate::operations::run_log;
use crate::pipeline::past_runs;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Runs {
    /// How many runs to show, newest last
    #[arg(long, default_value_t = 10)]
    limit: usize,
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// One run: its steps, what was said, what was published, and how to go on
    #[command(after_help = examples(&["runs show last", "runs show last --json"]))]
    Show(show::Show),
    /// The log of a run
    #[command(after_help = examples(&["runs log last", "runs log last --step train"]))]
    Log(log::Log),
    /// Run again what failed, with the same options: from the step that failed on, where what those before it had done is kept
    #[command(after_help = examples(&["runs retry"]))]
    Retry(retry::Retry),
    /// End a run that goes on; nothing of it is published
    #[command(after_help = examples(&["runs cancel"]))]
    Cancel(cancel::Cancel),
}

impl Runs {
    pub fn run(self, config: &Config) -> Result<()> {
        match self.command {
            Some(Command::Show(show)) => show.run(config),
            Some(Command::Log(log)) => log.run(config),
            Some(Command::Retry(retry)) => retry.run(config),
            Some(Command::Cancel(cancel)) => cancel.run(config),
            None if self.json => {
                let runs = run_log::all(config)?;
                let latest = &runs[runs.len().saturating_sub(self.limit)..];
                say!("{}", serde_json::to_string_pretty(latest)?);
                Ok(())
            }
            None => list(config, self.limit),
        }
    }
}

fn list(config: &Config, limit: usize) -> Result<()> {
    let runs = past_runs(config)?;
    if runs.is_empty() {
        say!("{}", t!("no runs yet; `nearset run` makes the first", "还没有运行过；用 `nearset run` 开始第一次"));
    }
    for run in &runs[runs.len().saturating_sub(limit)..] {
        say!("{run}");
    }
    Ok(())
}

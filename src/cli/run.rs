//! `nearset run`.

use anyhow::Result;
use chrono::{DateTime, Utc};
use clap::Args;

use crate::common::priority;
use crate::common::progress::StepBar;
use crate::config::{Config, parse_moment};
use crate::operations;
use crate::pipeline::{self, History, Observer, Options, Step, Terminal};

#[derive(Debug, Args)]
pub struct Run {
    /// Run this step alone
    #[arg(long, value_enum, conflicts_with = "from")]
    only: Option<Step>,
    /// Run this step and all after it
    #[arg(long, value_enum)]
    from: Option<Step>,
    #[command(flatten)]
    extent: Extent,
}

/// How much is read, and whether at all.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Extent {
    /// Read all sources again, from their first row or file on
    #[arg(long)]
    full_refresh: bool,
    /// Say what would be read and done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// As JSON, what would be done
    #[arg(long, requires = "dry_run")]
    json: bool,
    /// Stands for now: 2026-10-28, 2026-10-28 09:30:00 (UTC) or 2026-10-28T09:30:00+08:00
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    as_of: Option<DateTime<Utc>>,
    /// Let it be before the moment that the published warehouse stands for
    #[arg(long)]
    as_of_past: bool,
}

impl Run {
    pub fn run(self, config: &Config) -> Result<()> {
        // a server on the same machine goes first
        priority::low_of_process();
        run_steps(config, Step::chosen(self.only, self.from), &self.extent)
    }
}

/// Runs some steps, or says what they would do.
pub fn run_steps(config: &Config, steps: Vec<Step>, extent: &Extent) -> Result<()> {
    let as_of = extent.as_of.map_or_else(pipeline::now, Ok)?;
    let options = Options {
        full_refresh: extent.full_refresh,
        steps,
        as_of,
        may_be_past: extent.as_of_past,
        keeps_current: false,
    };
    match extent.dry_run {
        true => pipeline::dry_run(config, &options, extent.json),
        false => run_pipeline(config, &options, StepBar::default()),
    }
}

/// Runs the pipeline before the eyes of its history, of operations and of a person.
pub fn run_pipeline(config: &Config, options: &Options, bar: StepBar) -> Result<()> {
    watched(config, bar, |observers| pipeline::run(config, options, observers))
}

/// The same for another try of a run that failed.
pub fn retry_pipeline(config: &Config, options: &Options, failed: &str, bar: StepBar) -> Result<()> {
    watched(config, bar, |observers| pipeline::retry(config, options, failed, observers))
}

/// Does what is a run before the eyes of its history, of operations and of a person.
pub fn watched<T>(config: &Config, bar: StepBar, run: impl FnOnce(&[&dyn Observer]) -> Result<T>) -> Result<T> {
    let (history, terminal) = (History::of(config), Terminal::new(config, bar));
    let others = operations::observers(config);
    let mut observers: Vec<&dyn Observer> = vec![&history, &terminal];
    observers.extend(others.iter().map(AsRef::as_ref));
    let result = run(&observers);
    operations::after_run(config);
    result
}

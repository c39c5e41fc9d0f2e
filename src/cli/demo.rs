//! `nearset demo`.

use anyhow::Result;
use clap::Args;

use super::run::run_pipeline;
use crate::common::progress::StepBar;
use crate::common::scratch;
use crate::config::Config;
use crate::console;
use crate::operations::Traces;
use crate::{pipeline, serve};

#[derive(Debug, Args)]
pub struct Demo {
    /// Only run the pipeline
    #[arg(long)]
    no_serve: bool,
    /// The address to listen on (LISTEN)
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
}

impl Demo {
    pub fn run(self, config: &Config) -> Result<()> {
        if !self.no_serve {
            serve::check_address(config)?;
        }
        let (config, options) = pipeline::demo(config)?;
        scratch::cleaned_up_at_signals(|| run_pipeline(&config, &options, StepBar::default()))?;
        if self.no_serve {
            return Ok(());
        }
        serve::print_where_to_look(&config)?;
        let _traces = Traces::of_requests(&config)?;
        serve::serve(&config, console::pages)
    }
}

//! `nearset extract`.

use anyhow::Result;
use clap::Args;

use super::run::{Extent, run_steps};
use crate::config::Config;
use crate::pipeline::Step;

#[derive(Debug, Args)]
pub struct Extract {
    #[command(flatten)]
    extent: Extent,
}

impl Extract {
    pub fn run(self, config: &Config) -> Result<()> {
        run_steps(config, vec![Step::Extract], &self.extent)
    }
}

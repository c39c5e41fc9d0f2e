//! `nearset serve`.

use anyhow::Result;
use clap::Args;

use crate::config::Config;
use crate::console;
use crate::operations::{self, Duties, Traces, schedule};
use crate::serve;

#[derive(Debug, Args)]
pub struct Serve {
    /// The address to listen on (LISTEN)
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
    /// Run the jobs of schedule.toml too, as `nearset schedule` does
    #[arg(long)]
    schedule: bool,
}

impl Serve {
    pub fn run(self, config: &Config) -> Result<()> {
        let _traces = Traces::of_requests(config)?;
        if !self.schedule {
            return serve::serve(config, console::pages);
        }
        schedule::require_free(config)?;
        serve::check_address(config)?;
        let duties = Duties::begin(config, operations::duties(config))?;
        let served = serve::serve(config, console::pages);
        duties.end();
        served
    }
}

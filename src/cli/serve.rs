//! `nearset serve`.

use anyhow::Result;
use clap::Args;

use crate::config::Config;
use crate::operations::Traces;
use crate::serve;

#[derive(Debug, Args)]
pub struct Serve {
    /// The address to listen on (LISTEN)
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
}

impl Serve {
    pub fn run(self, config: &Config) -> Result<()> {
        let _traces = Traces::of_requests(config)?;
        serve::serve(config)
    }
}

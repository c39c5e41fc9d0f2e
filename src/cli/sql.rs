//! `nearset sql`.

use std::io;

use anyhow::Result;
use clap::Args;

use crate::config::Config;
use crate::warehouse::{self, Format};

#[derive(Debug, Args)]
pub struct Sql {
    /// The query, or a file that holds it
    query: String,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Sql {
    pub fn run(self, config: &Config) -> Result<()> {
        warehouse::run_query(config, &warehouse::query_text(&self.query)?, self.format, &mut io::stdout())
    }
}

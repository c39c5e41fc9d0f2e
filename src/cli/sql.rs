//! `nearset sql`.

use std::io;

use anyhow::Result;
use clap::Args;

use crate::config::Config;
use crate::query::{Format, Query, run_query};

#[derive(Debug, Args)]
pub struct Sql {
    /// The query, or a file that holds it
    // a query may begin with a comment
    #[arg(allow_hyphen_values = true)]
    query: String,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

impl Sql {
    pub fn run(self, config: &Config) -> Result<()> {
        run_query(config, &Query::read(&self.query)?, self.format, &mut io::stdout())
    }
}

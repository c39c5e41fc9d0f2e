//! `nearset man`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Args, CommandFactory};

use super::Cli;
use crate::common::files;
use crate::common::language::t;

#[derive(Debug, Args)]
pub struct Man {
    /// The folder they are written into, as nearset.1, nearset-run.1 and so on
    dir: PathBuf,
}

impl Man {
    pub fn run(self) -> Result<()> {
        files::make_dir(&self.dir)?;
        clap_mangen::generate_to(Cli::command().name("nearset"), &self.dir)
            .with_context(|| t!("{} cannot be written", "{} 无法写入", self.dir.display()))
    }
}

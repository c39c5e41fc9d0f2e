//! `nearset completions`.

use std::io;

use anyhow::Result;
use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};

use super::Cli;

#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(self) -> Result<()> {
        // in memory first: the generators give up where nobody reads on
        let mut text = Vec::new();
        generate(self.shell, &mut Cli::command(), "nearset", &mut text);
        Ok(io::Write::write_all(&mut io::stdout(), &text)?)
    }
}

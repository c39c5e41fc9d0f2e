//! The program `nearset`: reads the command line, and says what went wrong.

use std::process::ExitCode;

use clap::Parser;
use nearset::{cli, failure, terminal};

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // a closed pipe (`nearset sql … | head`) is nobody's mistake
            if error
                .chain()
                .any(|e| e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe))
            {
                return ExitCode::SUCCESS;
            }
            terminal::fault(&format!("nearset: {}", failure::describe(&error)));
            let failure = error.chain().find_map(|e| e.downcast_ref::<failure::Failure>());
            ExitCode::from(failure.map_or(1, failure::Failure::exit_code))
        }
    }
}

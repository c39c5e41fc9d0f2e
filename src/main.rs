//! The program `nearset`: reads the command line, and says what went wrong.

use std::process::ExitCode;

use nearset::cli;
use nearset::common::{errors, terminal};

fn main() -> ExitCode {
    match cli::run(cli::read()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // a closed pipe (`nearset sql … | head`) is nobody's mistake
            if error
                .chain()
                .any(|e| e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe))
            {
                return ExitCode::SUCCESS;
            }
            terminal::fault(&format!("nearset: {}", errors::describe(&error)));
            let failure = error.chain().find_map(|e| e.downcast_ref::<errors::Failure>());
            ExitCode::from(failure.map_or(1, errors::Failure::exit_code))
        }
    }
}

//! The program `nearset`: reads the command line, and says what went wrong.

use std::process::ExitCode;

use nearset::common::{errors, terminal};
use nearset::{cli, query};

fn main() -> ExitCode {
    let done = if query::is_worker() { query::work() } else { cli::run(cli::read()) };
    match done {
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

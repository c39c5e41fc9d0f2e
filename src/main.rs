//! nearset: a recommender for dataset detail pages, in one program and one DuckDB file.

mod cli;
mod config;
mod doctor;
mod embed;
mod evaluate;
mod extract;
mod failure;
mod index;
mod model;
mod pipeline;
mod recommend;
mod serve;
mod terminal;
mod train;
mod warehouse;

use std::process::ExitCode;

use clap::Parser;

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
            eprintln!("nearset: {}", failure::describe(&error));
            let failure = error.chain().find_map(|e| e.downcast_ref::<failure::Failure>());
            ExitCode::from(failure.map_or(1, failure::Failure::exit_code))
        }
    }
}

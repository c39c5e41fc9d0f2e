//! The command line: one file a command, with its arguments and their call.

mod command_line;
mod completions;
mod demo;
mod distill;
mod doctor;
mod evaluate;
mod extract;
mod logging;
mod man;
mod models;
mod project;
mod reconcile;
mod report;
mod run;
mod runs;
mod search;
mod serve;
mod sql;
mod views;

pub use command_line::{Cli, choose_language, run};

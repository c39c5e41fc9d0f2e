//! The command line: one file a command, with its arguments and their call.

mod command_line;
mod demo;
mod distill;
mod doctor;
mod evaluate;
mod extract;
mod logging;
mod models;
mod reconcile;
mod report;
mod run;
mod runs;
mod search;
mod serve;
mod sql;
mod views;

pub use command_line::{Cli, choose_language, run};

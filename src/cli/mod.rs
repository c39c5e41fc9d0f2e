//! The command line: one file a command, with its arguments and their call.

mod backup;
mod build;
mod chinese;
mod command_line;
mod completions;
mod demo;
mod distill;
mod doctor;
mod evaluate;
mod examples;
mod experiments;
mod extract;
mod greeting;
mod invocation;
mod logging;
mod man;
mod mlflow;
mod models;
mod notify;
mod project;
mod reconcile;
mod release;
mod report;
mod restore;
mod run;
mod runs;
mod schedule;
mod search;
mod serve;
mod settings;
mod sql;
mod upgrade;
mod usage;
mod views;

pub use command_line::{Cli, run};
pub use usage::{command, read};

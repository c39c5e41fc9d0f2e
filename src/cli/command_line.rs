//! All commands and the flags they share.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use super::completions::Completions;
use super::demo::Demo;
use super::distill::Distill;
use super::evaluate::Evaluate;
use super::extract::Extract;
use super::man::Man;
use super::models::Models;
use super::project::Project;
use super::reconcile::Reconcile;
use super::report::Report;
use super::run::Run;
use super::runs::Runs;
use super::search::Search;
use super::serve::Serve;
use super::sql::Sql;
use super::views::Views;
use super::{doctor, logging};
use crate::common::scratch;
use crate::config::{self, Config, Overrides};

/// Recommends datasets beside datasets: reads the marketplace's exports, learns, evaluates itself, serves.
///
/// Settings come from flags, the environment, .env, nearset.toml, and defaults, in this order; nearset.example.toml
/// lists them all.
#[derive(Debug, Parser)]
// 0: lines are as long as they are, so that a setting is one line for grep
#[command(version, propagate_version = true, term_width = 0, after_long_help = config::settings_help())]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Global {
    /// The folder of the warehouse, the reports and the exposure log (DATA_DIR)
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The folder of model versions (MODELS_DIR)
    #[arg(long, global = true, value_name = "DIR")]
    models_dir: Option<PathBuf>,
    /// The settings file, instead of nearset.toml
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the pipeline: extract, features, train, evaluate, reconcile
    Run(Run),
    /// Take in what is new at the sources, and nothing else
    Extract(Extract),
    /// Past runs and their steps
    Runs(Runs),
    /// Serve the API
    Serve(Serve),
    /// Run on the sample data in the program (or on your own sources, where the settings name some), then serve
    Demo(Demo),
    /// A read-only query on the published warehouse
    Sql(Sql),
    /// The SQL project: what there is, what feeds what, what is wrong with it
    #[command(subcommand)]
    Views(Views),
    /// The project's files as a folder of your own, to edit
    #[command(subcommand)]
    Project(Project),
    /// Replay held-out visits: how good the lists are, by channel, for cold pages, and what each part brings
    Evaluate(Evaluate),
    /// Model versions
    #[command(subcommand)]
    Models(Models),
    /// Write and show the reconciliation of some days again
    Reconcile(Reconcile),
    /// Write one day's report again
    Report(Report),
    /// Find datasets by words: by names and tags, by what texts mean, by what pictures show
    Search(Search),
    /// Make a table of token vectors from a text model: hundreds of times quicker, a little less exact
    Distill(Distill),
    /// Check settings, folders, sources and model files, and say how to mend what is wrong
    Doctor,
    /// Print what completes commands in a shell
    Completions(Completions),
    /// Write the man pages
    Man(Man),
}

impl Command {
    /// The address that the command line says to listen on.
    fn listen(&self) -> Option<&String> {
        match self {
            Self::Serve(Serve { listen }) | Self::Demo(Demo { listen, .. }) => listen.as_ref(),
            _ => None,
        }
    }

    fn run(self, config: &Config) -> Result<()> {
        match self {
            Self::Run(run) => run.run(config),
            Self::Extract(extract) => extract.run(config),
            Self::Runs(runs) => runs.run(config),
            Self::Serve(serve) => serve.run(config),
            Self::Demo(demo) => demo.run(config),
            Self::Sql(sql) => sql.run(config),
            Self::Views(views) => views.run(config),
            Self::Project(project) => project.run(config),
            Self::Evaluate(evaluate) => evaluate.run(config),
            Self::Models(models) => models.run(config),
            Self::Reconcile(reconcile) => reconcile.run(config),
            Self::Report(report) => report.run(config),
            Self::Search(search) => search.run(config),
            Self::Distill(distill) => distill.run(config),
            Self::Doctor => doctor::run(config),
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}

/// Runs the command that was asked for.
///
/// # Errors
/// A setting cannot be used, or the command failed; [`Failure`](crate::common::errors::Failure) has its own exit code.
pub fn run(cli: Cli) -> Result<()> {
    logging::start();
    let Cli { global: Global { data_dir, models_dir, config }, command } = cli;
    match command {
        // shells and packagers ask for these anywhere, whatever a settings file there says
        Command::Completions(completions) => return completions.run(),
        Command::Man(man) => return man.run(),
        _ => {}
    }
    let values = command.listen().map(|listen| ("LISTEN", listen.clone())).into_iter().collect();
    let config = Config::load(&Overrides { data_dir, models_dir, config, values })?;
    match command {
        // these wait for signals themselves, to answer what is under way first
        Command::Serve(_) | Command::Demo(_) => command.run(&config),
        _ => scratch::cleaned_up_at_signals(|| command.run(&config)),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::{chinese, command};
    use crate::common::language::in_chinese;

    /// The long help of a command and of all below it.
    fn help(command: &mut clap::Command, text: &mut String) {
        let shown = command.render_long_help();
        *text += &format!("$ {} --help\n{shown}\n", command.get_display_name().unwrap_or_default());
        for below in command.get_subcommands_mut().filter(|below| below.get_name() != "help") {
            help(below, text);
        }
    }

    fn whole_help() -> String {
        let mut text = String::new();
        let mut command = command().name("nearset").display_name("nearset");
        command.build();
        help(&mut command, &mut text);
        text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn the_help_of_every_command() {
        insta::assert_snapshot!(whole_help());
    }

    #[test]
    fn the_help_of_every_command_in_chinese() {
        insta::assert_snapshot!(in_chinese(|| chinese::help(&whole_help())));
    }
}

//! All commands and the flags they share.

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use super::backup::Backup;
use super::build::Build;
use super::completions::Completions;
use super::demo::Demo;
use super::distill::Distill;
use super::doctor::Doctor;
use super::evaluate::Evaluate;
use super::examples::examples;
use super::experiments::Experiments;
use super::extract::Extract;
use super::invocation::Invocation;
use super::man::Man;
use super::mlflow::Mlflow;
use super::models::Models;
use super::notify::Notify;
use super::project::Project;
use super::reconcile::Reconcile;
use super::release::Release;
use super::report::Report;
use super::restore::Restore;
use super::run::Run;
use super::runs::Runs;
use super::schedule::Schedule;
use super::search::Search;
use super::serve::Serve;
use super::settings::Settings;
use super::sql::Sql;
use super::upgrade::Upgrade;
use super::views::Views;
use super::{greeting, logging};
use crate::common::language::t;
use crate::common::scratch;
use crate::config::{self, Config, Overrides, Values};
use crate::operations::backup::settle;

/// Recommends datasets beside datasets: reads the marketplace's exports, learns, evaluates itself, serves.
///
/// Settings come from flags, the environment, .env, nearset.toml, and defaults, in this order; nearset.example.toml
/// lists them all.
#[derive(Debug, Parser)]
// 0: lines are as long as they are, so that a setting is one line for grep
#[command(version, propagate_version = true, term_width = 0, after_long_help = after_help())]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What stands below the help: the settings, and what a command ends with.
fn after_help() -> String {
    let codes = t!(
        "Exit codes:
  0  done
  1  it failed, and says why on standard error
  2  wrong usage
  3  another run goes on, or another process schedules
  4  a check failed and nothing was published
  5  the figures were published, and the new model, clearly worse, was held back",
        "退出码：
  0  完成
  1  失败，原因写在标准错误输出
  2  用法有误
  3  另一次运行正在进行，或已有进程在调度
  4  检查未通过，什么也没有发布
  5  指标已发布，新模型明显更差，未予启用"
    );
    format!("{}\n{codes}", config::settings_help())
}

#[derive(Debug, Args)]
pub(super) struct Global {
    /// The folder of the warehouse, the reports and the exposure log (DATA_DIR)
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// The folder of model versions (MODELS_DIR)
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) models_dir: Option<PathBuf>,
    /// The settings file, instead of nearset.toml
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the pipeline: extract, features, train, evaluate, reconcile
    #[command(after_help = examples(&["run --dry-run", "run --dry-run --json", "run --as-of 2026-10-17"]))]
    Run(Run),
    /// Take in what is new at the sources, and nothing else
    #[command(after_help = examples(&["extract --dry-run", "extract --dry-run --json"]))]
    Extract(Extract),
    /// Past runs and their steps
    #[command(after_help = examples(&["runs --limit 3"]))]
    Runs(Runs),
    /// Run the jobs of schedule.toml when they are due, until told to stop
    #[command(after_help = examples(&["schedule", "schedule list"]))]
    Schedule(Schedule),
    /// Serve the API
    #[command(after_help = examples(&["serve", "serve --listen 127.0.0.1:8001", "serve --schedule"]))]
    Serve(Serve),
    /// Run on the sample data in the program (or on your own sources, where the settings name some), then serve
    #[command(after_help = examples(&["demo", "demo --no-serve"]))]
    Demo(Demo),
    /// Read-only SQL on the published warehouse: a query, a file, or at a prompt
    #[command(after_help = examples(&["sql \"from funnel_by_day\"", "sql \"select dataset_id, title from datasets limit 5\" --format csv", "sql \"from coverage\" --json"]))]
    Sql(Sql),
    /// The SQL project: what there is, what feeds what, what is wrong with it
    #[command(subcommand)]
    Views(Views),
    /// Publish what has changed in sql/ and views/, without taking in or training anything
    #[command(after_help = examples(&["build", "build --select funnel_by_day", "build --select +dataset_metrics", "build --select views --full"]))]
    Build(Build),
    /// The project's files as a folder of your own, to edit
    #[command(subcommand)]
    Project(Project),
    /// Replay held-out visits: how good the lists are, how sure that is, what each part brings, and how old lists did beside them
    #[command(after_help = examples(&["evaluate --brief", "evaluate --brief --json > figures.json"]))]
    Evaluate(Evaluate),
    /// Model versions
    #[command(subcommand)]
    Models(Models),
    /// Experiments: where they stand, start and stop them, give variants other shares
    #[command(subcommand)]
    Experiments(Experiments),
    /// What MLflow is told of training
    #[command(subcommand)]
    Mlflow(Mlflow),
    /// Train a version, let it answer a share of the visitors, and promote it or go back by what they click
    #[command(after_help = examples(&["release --canary 5% --for 3d", "release show"]))]
    Release(Release),
    /// Write warehouse, models, logs, reports and settings into one file, while everything goes on
    #[command(after_help = examples(&["backup --verify", "backup --keep 7"]))]
    Backup(Backup),
    /// Bring a backup back
    #[command(after_help = examples(&["restore $(ls data/backups/*.tar | tail -1) --to restored"]))]
    Restore(Restore),
    /// What this program will change on what another one wrote
    #[command(subcommand)]
    Upgrade(Upgrade),
    /// Who is told of what is wrong
    #[command(subcommand)]
    Notify(Notify),
    /// Write and show the reconciliation of some days again
    #[command(after_help = examples(&["reconcile --start 2026-10-01 --end 2026-10-15", "reconcile --start 2026-10-01 --end 2026-10-15 --json"]))]
    Reconcile(Reconcile),
    /// Write one day's report again
    #[command(after_help = examples(&["report --date 2026-10-15", "report --date 2026-10-15 --json"]))]
    Report(Report),
    /// Find datasets by words: by names and tags, by what texts mean, by what pictures show
    #[command(after_help = examples(&["search \"crop yields\" --limit 3", "search \"crop yields\" --json"]))]
    Search(Search),
    /// Make a table of token vectors from a text model: hundreds of times quicker, a little less exact
    #[command(after_help = examples(&["distill fixtures/models/bert --dimensions 8 --out small"]))]
    Distill(Distill),
    /// The settings in force
    #[command(subcommand)]
    Config(Settings),
    /// Check settings, folders, sources and model files, and say how to mend what is wrong
    #[command(after_help = examples(&["doctor", "doctor --json", "doctor --server http://127.0.0.1:8000"]))]
    Doctor(Doctor),
    /// Print what completes commands in a shell
    #[command(after_help = examples(&["completions bash"]))]
    Completions(Completions),
    /// Write the man pages
    #[command(after_help = examples(&["man pages"]))]
    Man(Man),
}

impl Command {
    /// The address that the command line says to listen on.
    fn listen(&self) -> Option<&String> {
        match self {
            Self::Serve(Serve { listen, .. }) | Self::Demo(Demo { listen, .. }) => listen.as_ref(),
            _ => None,
        }
    }

    fn run(self, values: &Values) -> Result<()> {
        let config = || {
            let config = Config::of(values)?;
            // a restore that was cut short is completed before anything is read
            settle(&config)?;
            anyhow::Ok(config)
        };
        match self {
            Self::Run(run) => {
                let config = config()?;
                values.notes().iter().for_each(|note| tracing::warn!("{note}"));
                run.run(&config)
            }
            Self::Extract(extract) => extract.run(&config()?),
            Self::Runs(runs) => runs.run(&config()?),
            Self::Schedule(schedule) => schedule.run(&config()?),
            Self::Serve(serve) => serve.run(&config()?),
            Self::Demo(demo) => demo.run(&config()?),
            Self::Sql(sql) => sql.run(&config()?),
            Self::Views(views) => views.run(&config()?),
            Self::Build(build) => build.run(&config()?),
            Self::Project(project) => project.run(&config()?),
            Self::Evaluate(evaluate) => evaluate.run(&config()?),
            Self::Models(models) => models.run(&config()?),
            Self::Experiments(experiments) => experiments.run(&config()?),
            Self::Mlflow(mlflow) => mlflow.run(&config()?),
            Self::Release(release) => release.run(&config()?),
            Self::Backup(backup) => backup.run(&config()?, values),
            Self::Restore(restore) => restore.run(&config()?),
            Self::Notify(notify) => notify.run(&config()?),
            Self::Reconcile(reconcile) => reconcile.run(&config()?),
            Self::Report(report) => report.run(&config()?),
            Self::Search(search) => search.run(&config()?),
            Self::Distill(distill) => distill.run(&config()?),
            // these look at the settings before they are known to be good
            Self::Config(settings) => settings.run(values),
            Self::Doctor(doctor) => doctor.run(values),
            Self::Upgrade(upgrade) => upgrade.run(values),
            // shells and packagers ask for these anywhere, whatever a settings file there says
            Self::Completions(completions) => completions.run(),
            Self::Man(man) => man.run(),
        }
    }
}

/// Runs the command that was asked for; without one, says what there is and what can be done next.
///
/// # Errors
/// A setting cannot be used, or the command failed; [`Failure`](crate::common::errors::Failure) has its own exit code.
pub fn run(cli: Cli) -> Result<()> {
    let Cli { global, command } = cli;
    let invocation = Invocation::of(&global);
    let Global { data_dir, models_dir, config } = global;
    let listen = command.as_ref().and_then(Command::listen);
    let values = listen.map(|listen| ("LISTEN", listen.clone())).into_iter().collect();
    let values = config::gather(&Overrides { data_dir, models_dir, config, values });
    logging::start(Config::log_level_early(&values), Config::log_format_early(&values));
    match command {
        None => greeting::run(&values, &invocation),
        // these wait for signals themselves, to end what is under way first
        Some(
            command @ (Command::Serve(_) | Command::Demo(_) | Command::Schedule(_) | Command::Notify(Notify::Serve(_))),
        ) => command.run(&values),
        Some(command) => scratch::cleaned_up_at_signals(|| command.run(&values)),
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

//! The command line: one function a command, no logic.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, Parser, Subcommand};

use crate::common::secrets::ScrubbedStderr;
use crate::common::terminal::say;
use crate::common::{files, scratch};
use crate::common::{priority, terminal};
use crate::config::{self, Config, Overrides, Source, parse_moment};
use crate::embed::neural::{QueryEncoder, TextModel, distilled, folder};
use crate::evaluate::{reports, table};
use crate::extract::SOURCES;
use crate::pipeline::offline::{self, Subject};
use crate::pipeline::{self, Options, Step, history};
use crate::search::{self, Finder};
use crate::sql_project::Project;
use crate::warehouse::{self, Format};
use crate::{extract, model, recommend, serve};

/// Recommends datasets beside datasets: reads the marketplace's exports, learns, evaluates itself, serves.
///
/// Settings come from flags, the environment, .env, nearset.toml, and defaults, in this order; nearset.example.toml
/// lists them all.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_long_help = config::settings_help())]
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
    Run(RunArgs),
    /// Take in what is new at the sources, and nothing else
    Extract(Extent),
    /// Past runs and their steps
    Runs {
        /// How many runs to show, newest last
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
    /// Serve the API
    Serve {
        /// The address to listen on (LISTEN)
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },
    /// Run on fixtures/ (or on your own sources, where the settings name some), then serve
    Demo {
        /// Only run the pipeline
        #[arg(long)]
        no_serve: bool,
        /// The address to listen on (LISTEN)
        #[arg(long, value_name = "ADDR")]
        listen: Option<String>,
    },
    /// A read-only query on the published warehouse
    Sql {
        /// The query, or a file that holds it
        query: String,
        /// How to write the result
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
    },
    /// The SQL project: what there is, what feeds what, what is wrong with it
    #[command(subcommand)]
    Views(ViewsCommand),
    /// Replay held-out visits: how good the lists are, by channel, for cold pages, and what each part brings
    Evaluate(EvaluateArgs),
    /// Model versions
    #[command(subcommand)]
    Models(ModelsCommand),
    /// Write and show the reconciliation of some days again
    Reconcile {
        /// The first day, as 2026-10-01
        #[arg(long)]
        start: NaiveDate,
        /// The last day
        #[arg(long)]
        end: NaiveDate,
    },
    /// Write one day's report again
    Report {
        /// The day, as 2026-10-01
        #[arg(long)]
        date: NaiveDate,
    },
    /// Find datasets by words: by names and tags, by what texts mean, by what pictures show
    Search {
        /// What is looked for
        words: String,
        /// How many datasets
        #[arg(long, default_value_t = 10)]
        limit: usize,
    },
    /// Make a table of token vectors from a text model: hundreds of times quicker, a little less exact
    Distill {
        /// The folder of the model to learn from, or its name
        model: String,
        /// The folder to write; TEXT_MODEL_PATH can name it afterwards
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// How many dimensions its vectors have
        #[arg(long, default_value_t = 256)]
        dimensions: usize,
    },
    /// Check settings, folders, sources and model files, and say how to mend what is wrong
    Doctor,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// Run this step alone
    #[arg(long, value_enum, conflicts_with = "from")]
    only: Option<Step>,
    /// Run this step and all after it
    #[arg(long, value_enum)]
    from: Option<Step>,
    #[command(flatten)]
    extent: Extent,
}

#[derive(Debug, Args)]
struct EvaluateArgs {
    /// Measure this saved version, on visits after it was trained; again for more, all on the same visits
    #[arg(long = "model", value_name = "VERSION")]
    models: Vec<String>,
    /// Measure all saved versions
    #[arg(long, conflicts_with = "models")]
    all: bool,
    /// Hold out the visits that began from this time on
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    from: Option<DateTime<Utc>>,
    /// Learn from this file of sessions instead (SessionId, ItemId, Time; tab-separated, plain or .gz)
    #[arg(long, value_name = "FILE", requires = "test", conflicts_with_all = ["models", "all", "from"])]
    train: Option<PathBuf>,
    /// Measure on this file of sessions
    #[arg(long, value_name = "FILE", requires = "train")]
    test: Option<PathBuf>,
    /// Only /recommend/detail and /similar, not every channel and what it brings
    #[arg(long)]
    brief: bool,
    /// Write the figures as JSON
    #[arg(long)]
    json: bool,
}

/// How much is read, and whether at all.
#[derive(Debug, Args)]
struct Extent {
    /// Read all sources again, from their first row or file on
    #[arg(long)]
    full_refresh: bool,
    /// Say what would be read and done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Stands for now: 2026-10-28, 2026-10-28 09:30:00 (UTC) or 2026-10-28T09:30:00+08:00
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    as_of: Option<DateTime<Utc>>,
    /// Let it be before the moment that the published warehouse stands for
    #[arg(long)]
    as_of_past: bool,
}

#[derive(Debug, Subcommand)]
enum ViewsCommand {
    /// Check every file: syntax, names, cycles, and (where there is a warehouse) columns and types
    Check,
    /// List macros and relations with their descriptions
    List {
        /// Only this one, with its columns
        relation: Option<String>,
    },
    /// Show what feeds what
    Lineage {
        /// Only what this relation reads and what reads it
        relation: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
enum ModelsCommand {
    /// List the versions, with their held-out figures
    List,
    /// Make a version the current one
    Promote { version: String },
    /// Go back to the version that was current before
    Rollback,
    /// Let a version answer a share of the visitors; `off` for none
    Canary {
        /// The version, or `off`
        version: String,
        /// Its share of the visitors, 0 to 1
        #[arg(long, default_value_t = 0.05, value_parser = share)]
        share: f64,
    },
    /// Let a version make lists that are logged and not shown; `off` for none
    Shadow {
        /// The version, or `off`
        version: String,
        /// For which share of the requests, 0 to 1
        #[arg(long, default_value_t = 0.1, value_parser = share)]
        share: f64,
    },
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| format!("{text:?} is no share; write a number from 0 to 1"))
}

/// Runs the command that was asked for.
pub fn run(cli: Cli) -> Result<()> {
    start_logging();
    let mut overrides = Overrides {
        data_dir: cli.global.data_dir,
        models_dir: cli.global.models_dir,
        config: cli.global.config,
        ..Overrides::default()
    };
    if let Command::Serve { listen: Some(listen) } | Command::Demo { listen: Some(listen), .. } = &cli.command {
        overrides.values.insert("LISTEN", listen.clone());
    }
    let config = Config::load(&overrides)?;
    // these wait for signals themselves, to answer what is under way first
    if matches!(cli.command, Command::Serve { .. } | Command::Demo { .. }) {
        return run_command(&config, cli.command);
    }
    scratch::cleaned_up_at_signals(|| run_command(&config, cli.command))
}

fn run_command(config: &Config, command: Command) -> Result<()> {
    match command {
        Command::Run(args) => {
            // a server on the same machine goes first
            priority::low_of_process();
            run_pipeline(config, &args)
        }
        Command::Extract(extent) => run_pipeline(config, &RunArgs { only: Some(Step::Extract), from: None, extent }),
        Command::Runs { limit } => runs(config, limit),
        Command::Serve { .. } => serve::serve(config),
        Command::Demo { no_serve, .. } => demo(config.clone(), no_serve),
        Command::Sql { query, format } => sql(config, &query, format),
        Command::Views(command) => views(config, &command),
        Command::Evaluate(args) => evaluate_lists(config, &args),
        Command::Models(command) => models(config, &command),
        Command::Reconcile { start, end } => reconcile(config, start, end),
        Command::Report { date } => report(config, date),
        Command::Search { words, limit } => search(config, &words, limit),
        Command::Distill { model, out, dimensions } => distill(config, &model, &out, dimensions),
        Command::Doctor => crate::doctor::doctor(config),
    }
}

/// Finds datasets by words, as `/search` does.
fn search(config: &Config, words: &str, limit: usize) -> Result<()> {
    let model = model::load_current(&config.models_dir)?;
    let manifest = &model.manifest;
    let read =
        QueryEncoder::load(config)?.encode(words, manifest.text_model.as_deref(), manifest.picture_model.as_deref())?;
    for (made_with, read, setting) in [
        (&manifest.text_model, read.text.is_some(), "TEXT_MODEL_PATH"),
        (&manifest.picture_model, read.picture.is_some(), "CLIP_MODEL_PATH"),
    ] {
        if let Some(id) = made_with.as_ref().filter(|_| !read) {
            terminal::fault(&format!(
                "the version was made with {id}, which {setting} does not name: it does not read these words"
            ));
        }
    }
    let query = search::Query { words, text: read.text.as_deref(), picture: read.picture.as_deref() };
    let found = Finder::new(&model).search(&model, &query, &Default::default(), limit);
    if found.is_empty() {
        say!("nothing was found; names, tags and providers hold none of these words");
    }
    for entry in found {
        let item = model.item(entry.item);
        let by: Vec<String> = entry.by.iter().map(|by| format!("{by:?}").to_lowercase()).collect();
        say!("{:>10}  {:.3}  {:<20}  {}", item.dataset_id, entry.score, by.join("+"), item.title);
    }
    Ok(())
}

/// Distils a text model into a table of token vectors.
fn distill(config: &Config, model: &str, out: &Path, dimensions: usize) -> Result<()> {
    let named = folder::named("the model", model, config);
    let read = TextModel::read(named.require()?)?;
    anyhow::ensure!(dimensions > 0, "--dimensions must be 1 or more");
    let started = std::time::Instant::now();
    let bar = indicatif::ProgressBar::new(0)
        .with_style(indicatif::ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} tokens, {eta} left")?);
    let tokens = distilled::distil(&read, dimensions, out, &|tokens, total| {
        bar.set_length(total as u64);
        bar.inc(tokens as u64);
    })?;
    bar.finish_and_clear();
    let bytes: u64 = std::fs::metadata(out.join("model.safetensors"))?.len();
    say!(
        "{tokens} tokens in {:.1} s: {} ({:.1} MB)",
        started.elapsed().as_secs_f64(),
        out.display(),
        bytes as f64 / 1e6
    );
    say!("use it with TEXT_MODEL_PATH={}", out.display());
    Ok(())
}

fn start_logging() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("NEARSET_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("nearset=info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(ScrubbedStderr::default)
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false)
        .init();
}

fn run_pipeline(config: &Config, args: &RunArgs) -> Result<()> {
    let steps = match (args.only, args.from) {
        (Some(step), _) => vec![step],
        (None, Some(first)) => Step::ALL.into_iter().filter(|step| *step >= first).collect(),
        (None, None) => Step::ALL.to_vec(),
    };
    let Extent { full_refresh, dry_run, as_of, as_of_past } = args.extent;
    let as_of = as_of.map_or_else(pipeline::now, Ok)?;
    let options = Options { full_refresh, steps, as_of, may_be_past: as_of_past };
    if dry_run { pipeline::dry_run(config, &options) } else { pipeline::run(config, &options) }
}

fn runs(config: &Config, limit: usize) -> Result<()> {
    let all = history::read(config)?;
    let held = warehouse::is_run_lock_held(config);
    if all.is_empty() {
        say!("no runs yet; `nearset run` makes the first");
    }
    let last = all.len();
    for (index, (id, past)) in all.iter().enumerate().skip(last.saturating_sub(limit)) {
        say!("{}", past.show(id, held && index + 1 == last).trim_end());
    }
    Ok(())
}

fn demo(mut config: Config, no_serve: bool) -> Result<()> {
    let has_own = config.json_dir.is_some() || SOURCES.iter().any(|s| matches!(config.source(s), Source::Database(_)));
    let as_of = match has_own {
        true => pipeline::now()?,
        false => pipeline::use_fixtures(&mut config)?,
    };
    // the fixtures stand for one moment, whatever was published before
    let options = Options { full_refresh: false, steps: Step::ALL.to_vec(), as_of, may_be_past: !has_own };
    scratch::cleaned_up_at_signals(|| pipeline::run(&config, &options))?;
    if no_serve {
        return Ok(());
    }
    serve::print_where_to_look(&config)?;
    serve::serve(&config)
}

fn sql(config: &Config, query: &str, format: Format) -> Result<()> {
    let text = match Path::new(query) {
        file if file.extension().is_some_and(|e| e == "sql") => {
            std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?
        }
        _ => query.to_owned(),
    };
    warehouse::run_query(config, &text, format, &mut io::stdout())
}

fn views(config: &Config, command: &ViewsCommand) -> Result<()> {
    let project = Project::load(config.project_dir()?, &extract::raw_tables()?)?;
    let mut out = io::stdout().lock();
    match command {
        ViewsCommand::Check => {
            let bound = project.check(config)?;
            writeln!(out, "{} files are in order{bound}", project.relations.len())?;
        }
        ViewsCommand::List { relation: None } => write!(out, "{}", project.listing())?,
        ViewsCommand::List { relation: Some(name) } => write!(out, "{}", project.describe(name)?)?,
        ViewsCommand::Lineage { relation: None } => {
            for (input, relation) in project.edges() {
                writeln!(out, "{input} -> {relation}")?;
            }
        }
        ViewsCommand::Lineage { relation: Some(name) } => {
            let relation = project.get(name)?;
            writeln!(out, "{name} ({})", relation.file.display())?;
            for input in &relation.inputs {
                writeln!(out, "  reads   {input}")?;
            }
            for (_, reader) in project.edges().filter(|(input, _)| input == name) {
                writeln!(out, "  read by {reader}")?;
            }
        }
    }
    Ok(())
}

fn evaluate_lists(config: &Config, args: &EvaluateArgs) -> Result<()> {
    let versions = match args.all {
        true => whole_versions(&config.models_dir)?,
        false => args.models.clone(),
    };
    let policy = pipeline::policy(config);
    let subject = Subject { versions, from: args.from, brief: args.brief };
    let db = match (&args.train, &args.test) {
        (Some(train), Some(test)) => {
            let dir = config.data_dir.join(format!("sessions-{}", std::process::id()));
            let figures = offline::on_sessions(config, &dir, (train, test), &policy, subject);
            std::fs::remove_dir_all(&dir).ok();
            figures?
        }
        _ => offline::evaluate(config, &policy, &subject)?,
    };
    if args.json {
        say!("{}", serde_json::to_string_pretty(&table::json(&db)?)?);
    } else {
        table::print(&db)?;
        say!("{}", offline::keep(config, &db)?.display());
    }
    Ok(())
}

/// All versions that can be loaded; says which cannot.
fn whole_versions(models_dir: &Path) -> Result<Vec<String>> {
    let versions = model::list(models_dir)?;
    let mut whole = Vec::new();
    for manifest in versions.whole {
        match model::load(models_dir, &manifest.version) {
            Ok(_) => whole.push(manifest.version),
            Err(error) => terminal::fault(&format!("{} is left out: {error:#}", manifest.version)),
        }
    }
    for (version, error) in versions.damaged {
        terminal::fault(&format!("{version} is left out: {error:#}"));
    }
    Ok(whole)
}

fn models(config: &Config, command: &ModelsCommand) -> Result<()> {
    let dir = &config.models_dir;
    match command {
        ModelsCommand::List => list_models(dir)?,
        ModelsCommand::Promote { version } => {
            model::promote(dir, version, recommend::smoke)?;
            say!("{version} is current");
        }
        ModelsCommand::Rollback => say!("{} is current again", model::rollback(dir, recommend::smoke)?),
        ModelsCommand::Canary { version, share } => {
            let part = part(version, *share);
            model::set_beside(dir, model::Beside::Canary, part.clone(), recommend::smoke)?;
            match part {
                Some(part) => say!("{} answers {} % of the visitors", part.version, part.share * 100.0),
                None => say!("the current version answers all visitors"),
            }
        }
        ModelsCommand::Shadow { version, share } => {
            let part = part(version, *share);
            model::set_beside(dir, model::Beside::Shadow, part.clone(), recommend::smoke)?;
            match part {
                Some(part) => {
                    say!("{} makes lists for {} % of the requests, not shown", part.version, part.share * 100.0)
                }
                None => say!("no version makes lists that are not shown"),
            }
        }
    }
    Ok(())
}

/// The versions with their held-out figures, the damaged ones with what is wrong with them.
fn list_models(dir: &Path) -> Result<()> {
    let current = model::current(dir);
    let versions = model::list(dir)?;
    let mut damaged = versions.damaged;
    let traffic = model::traffic(dir).unwrap_or_else(|error| {
        eprintln!("{error:#}");
        model::Traffic::default()
    });
    for manifest in versions.whole {
        if let Err(error) = model::verify(dir, &manifest.version) {
            damaged.push((manifest.version, error));
            continue;
        }
        let mark = if Some(&manifest.version) == current.as_ref() { "*" } else { " " };
        let metrics = manifest.metrics.as_ref().and_then(|summary| summary.metrics.measured());
        let figure = |value: Option<f64>| value.map_or("     -".to_owned(), |v| format!("{v:.4}"));
        let part = |name: &str, part: &Option<model::Share>| match part {
            Some(part) if part.version == manifest.version => format!("  {name} {} %", part.share * 100.0),
            _ => String::new(),
        };
        say!(
            "{mark} {}  {:>8} datasets  HR@10 {}  MRR@10 {}{}{}",
            manifest.version,
            manifest.items,
            figure(metrics.and_then(|m| m.hit_rate_10)),
            figure(metrics.and_then(|m| m.mrr_10)),
            part("canary", &traffic.canary),
            part("shadow", &traffic.shadow)
        );
    }
    for (version, error) in damaged {
        let mark = if Some(&version) == current.as_ref() { "*" } else { " " };
        say!("{mark} {version}  damaged: {error:#}");
    }
    if current.is_none() {
        say!("no current version; `nearset run` trains one");
    }
    Ok(())
}

/// A version with its share; none for `off`.
fn part(version: &str, share: f64) -> Option<model::Share> {
    (version != "off").then(|| model::Share { version: version.to_owned(), share })
}

fn reconcile(config: &Config, start: NaiveDate, end: NaiveDate) -> Result<()> {
    let db = warehouse::open_published(config)?;
    let report = reports::reconciliation(&db, start, end)?;
    let path = reports::reconciliation_path(config, start, end);
    files::write(&path, &serde_json::to_vec_pretty(&report)?)?;
    let sql = format!(
        "select day, business_order_count as orders, business_revenue as revenue, matched_count as matched,
             missing_in_matomo_count as missing, matomo_only_count as matomo_only, exposures, clicks,
             attributed_conversions as attributed, status
         from reconciliation_daily where day between '{start}' and '{end}' order by day"
    );
    warehouse::run_query(config, &sql, Format::Table, &mut io::stdout())?;
    say!("{}", path.display());
    Ok(())
}

fn report(config: &Config, day: NaiveDate) -> Result<()> {
    let db = warehouse::open_published(config)?;
    let path = reports::daily_path(config, day);
    files::write(&path, &serde_json::to_vec_pretty(&reports::daily(&db, day)?)?)?;
    say!("{}", path.display());
    Ok(())
}

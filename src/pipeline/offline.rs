//! `nearset evaluate`: held-out visits replayed outside a run, against a model trained for it, against saved versions, or
//! on files of sessions. The published warehouse is only read; the figures are relations of a database in memory, and
//! Parquet files afterwards.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use duckdb::Connection;

use super::{Options, Step};
use crate::common::files;
use crate::common::progress::Progress;
use crate::common::progress::StepBar;
use crate::common::terminal::say;
use crate::config::{Config, Source};
use crate::evaluate::{self, STEPS, TWIN};
use crate::extract;
use crate::model::{self, Model};
use crate::recommend::Policy;
use crate::sql_project::Project;
use crate::train::{self, Catalogue, Training};
use crate::warehouse::{self, Database, ident, quote, timestamp};

/// What is evaluated.
pub struct Subject {
    /// Saved versions; where there is none, a model trained on what was before the held-out visits.
    pub versions: Vec<String>,
    /// When the held-out visits begin; the last tenth of the days where it is not said.
    pub from: Option<DateTime<Utc>>,
    /// Only the whole, and not every channel.
    pub brief: bool,
}

/// Replays held-out visits and returns a database with `offline_metrics` and `offline_comparison`.
pub fn evaluate(config: &Config, policy: &Policy, subject: &Subject) -> Result<Database> {
    let project = Project::load(config.project_dir()?, &extract::raw_tables()?)?;
    let db = beside_published(config)?;
    let as_of = warehouse::published_as_of(&db)?;
    warehouse::set_parameters(&db, config, as_of)?;
    project.create_macros(&db)?;
    if let Some(from) = subject.from {
        db.execute_batch(&format!("set variable holdout_from = {}", timestamp(from)))?;
        project.get("holdout")?.build(&db)?;
    }
    let mut versions: Vec<(String, Model)> = Vec::new();
    for version in &subject.versions {
        versions.push((version.clone(), model::load(&config.models_dir, version)?));
    }
    let from = match versions.iter().map(|(_, model)| model.manifest.trained_at).max() {
        Some(trained_at) => subject.from.unwrap_or(trained_at),
        None => train::holdout_from(&db)?.context("there is too little traffic to hold any visits out")?,
    };
    let condition = format!("visit_first_viewed_at >= {}", timestamp(from));
    if versions.is_empty() {
        let progress = StepBar::default();
        progress.start("train");
        progress.at("texts");
        let watch = Progress { at: &|what| progress.at(what), note: &|text| progress.note(text) };
        let catalogue = Catalogue::read(&db, config, &watch)?;
        let started = Instant::now();
        let training = Training {
            db: &db,
            config,
            project: &project,
            catalogue: &catalogue,
            as_of,
            budget: config.train_budget,
            at: &|what| progress.at(what),
        };
        let (twin, choice) = training.fit(Some(from), None)?;
        drop(progress);
        if let Some(choice) = choice {
            say!("{}", choice.headline());
        }
        say!("trained on what was before {from} in {:.1} s", started.elapsed().as_secs_f64());
        versions.push((TWIN.to_owned(), twin));
    }
    for (name, model) in &versions {
        let pairs = train::read_pairs(&db, &model.by_id, &condition, STEPS)?;
        if pairs.is_empty() {
            bail!(
                "no visits began after {from}, when {name} was trained; name an earlier time with --from, and read the \
                 figures knowing that the version has seen those visits"
            );
        }
        if subject.from.is_some_and(|from| from < model.manifest.trained_at) && name != TWIN {
            say!("note: {name} was trained at {} and has seen visits it is measured on", model.manifest.trained_at);
        }
        evaluate::replay(&db, name, model, &pairs, policy, !subject.brief)?;
    }
    for relation in ["offline_metrics", "offline_comparison"] {
        project.get(relation)?.build(&db)?;
    }
    Ok(db)
}

/// A database in memory that shows every relation of the published warehouse, and has room for replays of its own.
fn beside_published(config: &Config) -> Result<Database> {
    // says what to do where there is none
    drop(warehouse::open_published(config)?);
    let db = warehouse::in_memory(config)?;
    let path = quote(&config.warehouse_path().to_string_lossy());
    db.execute_batch(&format!("attach {path} as published (read_only); create schema raw;"))
        .context("the published warehouse cannot be read")?;
    let mut statement = db.prepare(
        "select table_schema, table_name from information_schema.tables
         where table_catalog = 'published'
             and table_name not in ('offline_replays', 'offline_shown', 'offline_metrics', 'offline_comparison')",
    )?;
    let names: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<duckdb::Result<_>>()?;
    for (schema, name) in names.iter().filter(|(schema, _)| ["main", "raw"].contains(&schema.as_str())) {
        let name = ident(name);
        // a relation that is made anew replaces its view
        db.execute_batch(&format!("create view {schema}.{name} as from published.{schema}.{name}"))?;
    }
    drop(statement);
    extract::create_replay_tables(&db)?;
    // what was measured is written there, see `keep`
    warehouse::fence(&db, &[offline_dir(config)])?;
    Ok(db)
}

fn offline_dir(config: &Config) -> PathBuf {
    config.evaluation_dir().join("offline")
}

/// Keeps the figures where any DuckDB client finds them, and says where.
pub fn keep(config: &Config, db: &Connection) -> Result<PathBuf> {
    let dir = offline_dir(config);
    files::make_dir(&dir)?;
    for relation in ["offline_metrics", "offline_comparison", "raw.offline_replays"] {
        let path = dir.join(format!("{}.parquet", relation.trim_start_matches("raw.")));
        db.execute_batch(&format!("copy (from {relation}) to {} (format parquet)", quote(&path.to_string_lossy())))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(dir)
}

/// Learns from one file of sessions and measures on another, through the same code as a marketplace's visits.
pub fn on_sessions(
    config: &Config,
    dir: &Path,
    (train, test): (&Path, &Path),
    policy: &Policy,
    subject: Subject,
) -> Result<Database> {
    let (config, from, as_of) = from_sessions(config, dir, train, test)?;
    let steps = vec![Step::Extract, Step::Features];
    super::run(&config, &Options { full_refresh: false, steps, as_of, may_be_past: false })?;
    evaluate(&config, policy, &Subject { from: Some(from), ..subject })
}

/// Turns two files of `SessionId ItemId Time` (tab-separated, with a header, plain or `.gz`) into the exports of a
/// marketplace whose datasets have no texts, in `dir`; returns the settings to run on them and when the second begins.
fn from_sessions(
    config: &Config,
    dir: &Path,
    train: &Path,
    test: &Path,
) -> Result<(Config, DateTime<Utc>, DateTime<Utc>)> {
    let json = dir.join("json");
    files::make_dir(&json)?;
    let db = warehouse::in_memory(config)?;
    let read = |path: &Path, part: i32| {
        format!(
            "select {part} as part, \"SessionId\" as session, cast(\"ItemId\" as bigint) as item,
                 to_timestamp(cast(\"Time\" as double)) as seen_at
             from read_csv({}, delim = '\\t', header = true, all_varchar = true)",
            quote(&path.to_string_lossy())
        )
    };
    db.execute_batch(&format!(
        "set timezone = 'UTC';
         create table steps as
             select *, row_number() over () as row_id from ({} union all {}) as parts;
         create table visits as
             select row_number() over (order by first_at, part, session) as visit, *
             from (select part, session, min(seen_at) as first_at, max(seen_at) as last_at from steps group by part, session);",
        read(train, 0),
        read(test, 1)
    ))
    .with_context(|| {
        format!("{} and {} must be tab-separated, with the columns SessionId, ItemId (a number), Time (seconds)", train.display(), test.display())
    })?;
    let file = |name: &str| quote(&json.join(format!("{name}.json")).to_string_lossy());
    // a title without a word: nothing can be read from it
    db.execute_batch(&format!(
        "copy (select distinct item as id, '#' as dataset_name, timestamp '2000-01-01' as create_time from steps order by id)
             to {} (format json);
         copy (select visit as idvisit, 1 as idsite, lpad(to_hex(visit), 16, '0') as idvisitor,
                 strftime(first_at, '%Y-%m-%d %H:%M:%S') as visit_first_action_time,
                 strftime(last_at, '%Y-%m-%d %H:%M:%S') as visit_last_action_time from visits order by visit)
             to {} (format json);
         copy (select item as idaction, 'example.org/dataDetail/' || item as name, 1 as type, 2 as url_prefix
                 from (select distinct item from steps) order by item)
             to {} (format json);
         copy (select row_number() over (order by visits.visit, steps.seen_at, steps.row_id) as idlink_va, visits.visit as idvisit,
                 1 as idsite, lpad(to_hex(visits.visit), 16, '0') as idvisitor,
                 strftime(steps.seen_at, '%Y-%m-%d %H:%M:%S.%f') as server_time, steps.item as idaction_url
                 from steps inner join visits on visits.part = steps.part and visits.session = steps.session order by idlink_va)
             to {} (format json);",
        file("dataset"),
        file("matomo_log_visit"),
        file("matomo_log_action"),
        file("matomo_log_link_visit_action")
    ))
    .context("the sessions could not be turned into exports")?;
    let micros = |sql: &str| -> Result<DateTime<Utc>> {
        let micros: i64 = db.query_row(sql, [], |row| row.get(0)).context("the files hold no sessions")?;
        DateTime::from_timestamp_micros(micros).context("a time that is none")
    };
    let from = micros("select epoch_us(min(first_at)) from visits where part = 1")?;
    let last = micros("select epoch_us(max(last_at)) from visits")?;
    let mut config = config.clone();
    config.business = Source::Json;
    config.matomo = Source::Json;
    config.image_root = Some(json.clone());
    config.json_dir = Some(json);
    config.data_dir = dir.join("data");
    config.models_dir = dir.join("models");
    // a long session is a session
    config.bot_max_actions = u32::MAX / 2;
    Ok((config, from, last + chrono::Duration::seconds(1)))
}

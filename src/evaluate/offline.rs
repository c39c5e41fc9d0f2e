//! `nearset evaluate`: held-out visits replayed outside a run, against a model trained for it or against saved versions. The
//! published warehouse is only read; the figures are relations of a database in memory, and Parquet files afterwards.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use chrono::{DateTime, Utc};
use duckdb::Connection;

use super::held_out::{HOLDOUT, STEPS};
use super::replay::replay;
use crate::common::files;
use crate::common::language::{either, t};
use crate::common::progress::Progress;
use crate::config::Config;
use crate::extract;
use crate::model::{self, Model};
use crate::recommend::Policy;
use crate::sql_project::Project;
use crate::train::{self, Catalogue, Training};
use crate::warehouse::{self, Database, Turn, ident, quote, share_memory, timestamp};

/// What is evaluated.
pub struct Subject {
    /// Saved versions; where there is none, a model trained on what was before the held-out visits.
    pub versions: Vec<String>,
    /// When the held-out visits begin; the last tenth of the days where it is not said.
    pub from: Option<DateTime<Utc>>,
    /// Only the whole, and not every channel.
    pub brief: bool,
}

/// The relations that are made of what was replayed, each after those it reads.
const RELATIONS: [&str; 9] = [
    "offline_metrics",
    "offline_comparison",
    "offline_certainty",
    "offline_against_shown",
    "score_calibration",
    "score_calibration_error",
    "list_places",
    "list_fairness",
    "list_concentration",
];

/// The folder that figures are kept in.
pub fn folder(config: &Config) -> PathBuf {
    config.evaluation_dir().join("offline")
}

/// Replays held-out visits and returns a database with the relations that are made of them; from there they may be kept in the
/// folder `kept` alone.
///
/// # Errors
/// There is no warehouse, a version cannot be loaded, or there are no visits to measure by.
pub fn evaluate(
    config: &Config,
    policy: &Policy,
    subject: &Subject,
    kept: &Path,
    progress: &Progress<'_>,
) -> Result<Database> {
    let project = Project::for_look(config, &extract::raw_tables()?)?;
    let db = beside_published(config, &project, kept)?;
    let as_of = warehouse::published_as_of(&db)?;
    warehouse::set_parameters(&db, config, as_of)?;
    if let Some(from) = subject.from {
        db.execute_batch(&format!("set variable holdout_from = {}", timestamp(from)))?;
        project.get("holdout")?.build(&db)?;
    }
    let mut models: Vec<(String, Model)> = Vec::new();
    for version in &subject.versions {
        models.push((version.clone(), model::load(&config.models_dir, version)?));
    }
    let from = match models.iter().map(|(_, model)| model.manifest.trained_at).max() {
        Some(trained_at) => subject.from.unwrap_or(trained_at),
        None => train::holdout_from(&db)?
            .context(either("there is too little traffic to hold any visits out", "流量太少，留不出访问来评估"))?,
    };
    if models.is_empty() {
        models.push((HOLDOUT.to_owned(), train_until(&db, config, &project, (as_of, from), progress)?));
    }
    for (name, model) in &models {
        replay_one(&db, (name, model), from, policy, subject, progress)?;
    }
    // training left DuckDB little
    share_memory(&db, config, Turn::Queries)?;
    for relation in RELATIONS {
        project.get(relation)?.build(&db)?;
    }
    Ok(db)
}

/// A model that knows only what was before `from`.
fn train_until(
    db: &Connection,
    config: &Config,
    project: &Project,
    (as_of, from): (DateTime<Utc>, DateTime<Utc>),
    progress: &Progress<'_>,
) -> Result<Model> {
    progress.at(either("texts", "文本"));
    let catalogue = Catalogue::read(db, config, progress)?;
    let started = Instant::now();
    let (budget, at) = (config.train.budget, progress.at);
    let training = Training { db, config, project, catalogue: &catalogue, as_of, budget, at };
    let (model, choice) = training.fit(Some(from), None)?;
    if let Some(choice) = choice {
        progress.note(&choice.headline());
    }
    progress.note(&t!(
        "trained on what was before {from} in {:.1} s",
        "用 {from} 之前的数据训练，用时 {:.1} 秒",
        started.elapsed().as_secs_f64()
    ));
    Ok(model)
}

/// Replays the visits from `from` on against one model.
fn replay_one(
    db: &Connection,
    (name, model): (&str, &Model),
    from: DateTime<Utc>,
    policy: &Policy,
    subject: &Subject,
    progress: &Progress<'_>,
) -> Result<()> {
    progress.at(either("replay", "回放"));
    let condition = format!("visit_first_viewed_at >= {}", timestamp(from));
    let pairs = train::read_pairs(db, &model.by_id, &condition, STEPS)?;
    if pairs.is_empty() {
        bail!(t!(
            "no visits began after {from}, when {name} was trained; name an earlier time with --from, and read \
             the figures knowing that the version has seen those visits",
            "{from}（{name} 的训练时间）之后没有访问；可用 --from 给出更早的时间，但要知道该版本已见过那些访问"
        ));
    }
    let trained_at = model.manifest.trained_at;
    if subject.from.is_some_and(|from| from < trained_at) && name != HOLDOUT {
        progress.note(&t!(
            "note: {name} was trained at {trained_at} and has seen visits it is measured on",
            "注意：{name} 训练于 {trained_at}，见过用来评估它的访问"
        ));
    }
    replay(db, name, model, &pairs, policy, !subject.brief)
}

/// A database in memory that shows every relation of the published warehouse, and has room for replays of its own.
fn beside_published(config: &Config, project: &Project, kept: &Path) -> Result<Database> {
    // says what to do where there is none
    drop(warehouse::open_published(config)?);
    let db = warehouse::in_memory(config)?;
    let path = quote(&config.warehouse_path().to_string_lossy());
    db.execute_batch(&format!("attach {path} as published (read_only); create schema raw;"))
        .context(either("the published warehouse cannot be read", "已发布的仓库无法读取"))?;
    project.create_macros(&db)?;
    let mut statement = db.prepare(
        "select table_schema, table_name from information_schema.tables
         where table_catalog = 'published' and table_name not in ('offline_replays', 'offline_shown', 'offline_entries')",
    )?;
    let names: Vec<(String, String)> =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<duckdb::Result<_>>()?;
    let is_shown = |schema: &str, name: &str| ["main", "raw"].contains(&schema) && !RELATIONS.contains(&name);
    for (schema, name) in names.iter().filter(|(schema, name)| is_shown(schema, name)) {
        let name = ident(name);
        // a relation that is made anew replaces its view
        db.execute_batch(&format!("create view {schema}.{name} as from published.{schema}.{name}"))?;
    }
    drop(statement);
    extract::create_replay_tables(&db)?;
    warehouse::sandbox(&db, &[kept.to_path_buf()])?;
    Ok(db)
}

/// Keeps the figures in a folder, where any DuckDB client finds them.
///
/// # Errors
/// It cannot be written.
pub fn keep(db: &Connection, folder: &Path) -> Result<()> {
    files::make_dir(folder)?;
    for relation in RELATIONS.into_iter().chain(["raw.offline_replays"]) {
        let path = folder.join(format!("{}.parquet", relation.trim_start_matches("raw.")));
        db.execute_batch(&format!("copy (from {relation}) to {} (format parquet)", quote(&path.to_string_lossy())))
            .with_context(|| t!("{} cannot be written", "{} 无法写入", path.display()))?;
    }
    Ok(())
}

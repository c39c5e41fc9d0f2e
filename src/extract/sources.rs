//! The sources, each read as its own settings say.

use anyhow::{Result, bail};
use chrono::{DateTime, Utc};
use duckdb::Connection;

use super::foreseen::Foreseen;
use super::intake::Intake;
use super::schema::create_raw_tables;
use super::{database, json};
use crate::common::errors::describe;
use crate::common::finding::{Finding, Verdict};
use crate::common::language::t;
use crate::common::progress::Progress;
use crate::config::{Config, Source};
use crate::exposures;

/// The names of the sources.
pub const SOURCES: [&str; 2] = ["business", "matomo"];

/// Takes in what is new (or, with `full_refresh`, everything again) and returns how many rows that was. Changes nothing
/// but the work copy `db`.
///
/// # Errors
/// A source cannot be read or holds no dataset; the error says which and what to do.
pub fn extract(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    full_refresh: bool,
    progress: &Progress<'_>,
) -> Result<u64> {
    create_raw_tables(db, full_refresh)?;
    let intake = Intake { db, config, as_of, progress };
    let mut rows = 0;
    for name in SOURCES {
        rows += match config.source(name) {
            Source::Json => json::take_in(intake, name)?,
            Source::Database(settings) => database::take_in(intake, (name, settings))?,
        };
    }
    let datasets: u64 = db.query_row("select count(*) from raw.dataset", [], |row| row.get(0))?;
    if datasets == 0 {
        match &config.sources.business {
            Source::Json => bail!(
                "{}{}",
                t!(
                    "{} holds no dataset: dataset.json (or .json.gz) is needed, with at least one row",
                    "{} 中没有数据集：需要 dataset.json（或 .json.gz），且至少有一行",
                    json::folder(config)?.display()
                ),
                json::similar(config, "dataset")?.map(|note| t!("; {note}", "；{note}")).unwrap_or_default()
            ),
            Source::Database(_) => {
                bail!(t!("the business database's table dataset holds no row", "业务库的 dataset 表没有数据"))
            }
        }
    }
    rows += exposures::take_in(db, config, progress)?;
    Ok(rows)
}

/// What a run would take in, a line a table. `published` is the warehouse as it is, if any and not to be refreshed.
///
/// # Errors
/// A source cannot be read.
pub fn preview(published: Option<&Connection>, config: &Config, progress: &Progress<'_>) -> Result<Vec<Foreseen>> {
    let mut lines = Vec::new();
    for name in SOURCES {
        lines.extend(match config.source(name) {
            Source::Json => json::preview(published, config, name)?,
            Source::Database(settings) => database::preview(published, config, (name, settings), progress)?,
        });
    }
    Ok(lines)
}

/// Looks at a source: what is there of what a run needs, and how to mend what is not.
pub fn inspect(config: &Config, name: &str) -> Vec<Finding> {
    let found = match config.source(name) {
        Source::Json => json::inspect(config, name),
        Source::Database(settings) => database::inspect(config, (name, settings)),
    };
    found.unwrap_or_else(|error| vec![Finding::new(Verdict::Broken, name, describe(&error))])
}

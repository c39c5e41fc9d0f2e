//! The world of `nearset demo`: the sources that the settings name, or else the fixtures.

use std::fs;

use anyhow::{Context, Error, Result};
use chrono::{DateTime, Utc};

use super::clock::now;
use super::step::{Options, Step};
use crate::common::files;
use crate::common::language::t;
use crate::config::{Config, Source, parse_moment};
use crate::exposures;

/// The settings and the run of a demonstration.
///
/// # Errors
/// The fixtures are not beside `sql/`, or DATA_DIR cannot be written.
pub fn demo(config: &Config) -> Result<(Config, Options)> {
    let mut config = config.clone();
    let has_own = config.has_own_sources();
    let as_of = if has_own { now()? } else { use_fixtures(&mut config)? };
    // the fixtures stand for one moment, whatever was published before
    Ok((config, Options { full_refresh: false, steps: Step::ALL.to_vec(), as_of, may_be_past: !has_own }))
}

/// Points the settings at the fixtures, and returns the moment they stand for. Their exposure log joins the data folder
/// as a rotated sibling, beside the one that serving the demo writes.
fn use_fixtures(config: &mut Config) -> Result<DateTime<Utc>> {
    let fixtures = config.project_dir()?.join("fixtures");
    let path = fixtures.join("as_of");
    let as_of = fs::read_to_string(&path).with_context(|| {
        t!(
            "{} cannot be read; fixtures/ belongs beside sql/",
            "{} 无法读取；fixtures/ 应与 sql/ 放在一起",
            path.display()
        )
    })?;
    let evaluation = config.evaluation_dir();
    files::make_dir(&evaluation)?;
    for log in
        exposures::files::all(&fixtures).with_context(|| t!("{} cannot be read", "{} 无法读取", fixtures.display()))?
    {
        files::copy(&log, &evaluation.join(log.file_name().unwrap_or_default()))?;
    }
    config.sources.json_dir = Some(fixtures.join("json"));
    config.sources.business = Source::Json;
    config.sources.matomo = Source::Json;
    config.models.image_root = config.sources.json_dir.clone();
    parse_moment(as_of.trim()).map_err(Error::msg)
}

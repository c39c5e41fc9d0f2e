//! The world of `nearset demo`: the sources that the settings name, or else the fixtures, which are inside the program.

use std::path::Path;

use anyhow::{Error, Result};
use chrono::{DateTime, Utc};
use include_dir::{Dir, include_dir};

use super::clock::now;
use super::step::{Options, Step};
use crate::common::files;
use crate::config::{Config, Source, parse_moment};

static EXPORTS: Dir = include_dir!("$CARGO_MANIFEST_DIR/fixtures/json");
const EXPOSURES: (&str, &[u8]) = ("exposure_log.1.jsonl.gz", include_bytes!("../../fixtures/exposure_log.1.jsonl.gz"));
/// The moment the fixtures stand for.
const AS_OF: &str = include_str!("../../fixtures/as_of");

/// The settings and the run of a demonstration.
///
/// # Errors
/// DATA_DIR cannot be written.
pub fn demo(config: &Config) -> Result<(Config, Options)> {
    let mut config = config.clone();
    let has_own = config.has_own_sources();
    let as_of = if has_own { now()? } else { use_fixtures(&mut config)? };
    // the fixtures stand for one moment, whatever was published before
    Ok((
        config,
        Options { full_refresh: false, steps: Step::ALL.to_vec(), as_of, may_be_past: !has_own, keeps_current: false },
    ))
}

/// Writes the fixtures into the data folder, points the settings at them, and returns the moment they stand for. Their
/// exposure log joins the data folder as a rotated sibling, beside the one that serving the demo writes.
fn use_fixtures(config: &mut Config) -> Result<DateTime<Utc>> {
    let exports = config.data_dir.join("fixtures");
    write_out(&EXPORTS, &exports)?;
    keep(&config.evaluation_dir().join(EXPOSURES.0), EXPOSURES.1)?;
    config.models.image_root = Some(exports.clone());
    config.sources.json_dir = Some(exports);
    config.sources.business = Source::Json;
    config.sources.matomo = Source::Json;
    parse_moment(AS_OF.trim()).map_err(Error::msg)
}

fn write_out(dir: &Dir, to: &Path) -> Result<()> {
    dir.files().try_for_each(|file| keep(&to.join(file.path()), file.contents()))?;
    dir.dirs().try_for_each(|below| write_out(below, to))
}

/// Writes a file that is not there as it is: one that is keeps its time of change.
fn keep(path: &Path, bytes: &[u8]) -> Result<()> {
    if files::read(path)?.is_some_and(|found| found == bytes) { Ok(()) } else { files::write(path, bytes) }
}

//! What there is of each kind, how large it is, and what of it the settings keep no longer. Looking changes nothing.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use walkdir::WalkDir;

use crate::common::language::t;
use crate::config::Config;
use crate::exposures::{self, files as log_files};
use crate::model;
use crate::operations::backup::{backups, superfluous};
use crate::serve::deployment::Experiments;
use crate::warehouse::{self, Written};

const DAY: Duration = Duration::from_secs(86_400);

/// A server that starts reads the exposures of the last day back; logs stay some days longer whatever the settings say.
const LEAST_LOG_DAYS: u32 = 3;

/// What there is of one kind.
#[derive(Clone, Debug)]
pub struct Holding {
    /// What it is called: `warehouse`, `run logs` …
    pub kind: &'static str,
    /// How many there are: files, versions, runs.
    pub count: usize,
    /// How large they are together.
    pub bytes: u64,
    /// What of it goes.
    pub goes: Vec<PathBuf>,
    /// How large that is.
    pub goes_bytes: u64,
}

/// One thing of a kind.
struct Thing {
    path: PathBuf,
    bytes: u64,
    changed_at: SystemTime,
}

impl Thing {
    /// A file or a folder with all that is in it; `None` where it has just gone.
    fn of(path: &Path) -> Option<Self> {
        let mut thing = Self { path: path.to_owned(), bytes: 0, changed_at: SystemTime::UNIX_EPOCH };
        for entry in WalkDir::new(path) {
            let about = entry.ok()?.metadata().ok()?;
            if about.is_file() {
                thing.bytes += about.len();
            }
            thing.changed_at = thing.changed_at.max(about.modified().ok()?);
        }
        Some(thing)
    }

    /// Whether it has not changed in so many days before a moment; with 0 nothing is ever so old.
    fn is_older(&self, days: u32, now: SystemTime) -> bool {
        days > 0 && now.duration_since(self.changed_at).is_ok_and(|age| age > DAY * days)
    }
}

impl Holding {
    fn of(kind: &'static str, things: Vec<Thing>, goes: impl Fn(&Thing) -> bool) -> Self {
        let gone: Vec<&Thing> = things.iter().filter(|thing| goes(thing)).collect();
        Self {
            kind,
            count: things.len(),
            bytes: things.iter().map(|thing| thing.bytes).sum(),
            goes_bytes: gone.iter().map(|thing| thing.bytes).sum(),
            goes: gone.into_iter().map(|thing| thing.path.clone()).collect(),
        }
    }
}

/// What lies directly in a folder; nothing where there is none.
fn inside(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?,
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

fn things(paths: impl IntoIterator<Item = PathBuf>) -> Vec<Thing> {
    paths.into_iter().filter_map(|path| Thing::of(&path)).collect()
}

/// Everything that there is, by kind.
///
/// # Errors
/// A folder cannot be read.
pub fn holdings(config: &Config, now: SystemTime) -> Result<Vec<Holding>> {
    let never = |_: &Thing| false;
    let of_old = inside(&config.data_dir)?.into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("before-nearset") || name.starts_with("before-restore-")
    });
    Ok(vec![
        Holding::of("warehouse", things([config.warehouse_path(), config.data_dir.join("processed")]), never),
        versions(config)?,
        exposure_logs(config, now)?,
        reports(config)?,
        run_logs(config, now)?,
        backups_there(config)?,
        Holding::of("kept aside", things(of_old), never),
    ])
}

/// Removes the versions that nobody needs any more, under their lock.
pub(super) fn prune_versions(config: &Config) -> Result<()> {
    if config.models_dir.is_dir() {
        let named = Experiments::read(config)?.versions;
        model::prune(&config.models_dir, config.operations.keep.versions, &named)?;
    }
    Ok(())
}

fn versions(config: &Config) -> Result<Holding> {
    let dir = &config.models_dir;
    let all = model::list(dir)?.whole.into_iter().map(|manifest| dir.join(manifest.version));
    let named = Experiments::read(config).map(|experiments| experiments.versions);
    // where it is not known which are needed, all are
    let kept = config.operations.keep.versions;
    let superfluous = named.and_then(|named| model::superfluous(dir, kept, &named)).unwrap_or_default();
    let goes: Vec<PathBuf> = superfluous.iter().map(|version| dir.join(version)).collect();
    let mut holding = Holding::of("versions", things(all), |thing| goes.contains(&thing.path));
    // they go under the lock of versions, in `prune_versions`
    holding.goes.clear();
    Ok(holding)
}

/// Packed logs that a run has taken in; their figures are in the warehouse.
fn exposure_logs(config: &Config, now: SystemTime) -> Result<Holding> {
    let days = config.operations.keep.exposure_log_days;
    let logs = inside(&config.evaluation_dir())?.into_iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        log_files::state(&name).is_some() || log_files::is_packed_here(&name) || name == log_files::SHADOW_LOG_NAME
    });
    let db = if days > 0 && config.warehouse_path().exists() { warehouse::glance(config).ok() } else { None };
    Ok(Holding::of("exposure logs", things(logs), |thing| {
        let name = thing.path.file_name().unwrap_or_default().to_string_lossy();
        let is_needed = || {
            log_files::state(&name).is_some()
                && !db.as_ref().is_some_and(|db| exposures::is_taken_in(db, &thing.path).unwrap_or(false))
        };
        let is_old = days > 0 && thing.is_older(days.max(LEAST_LOG_DAYS), now);
        is_old && log_files::is_packed_here(&name) && !is_needed()
    }))
}

/// Daily reports and reconciliations that nearset wrote, by their age beside the last that was published.
fn reports(config: &Config) -> Result<Holding> {
    let is_dated = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        (name.starts_with("recommendation_report_") || name.starts_with("reconciliation_")) && name.ends_with(".json")
    };
    let all = [inside(&config.daily_reports_dir())?, inside(&config.evaluation_dir())?].concat();
    let published = fs::metadata(config.warehouse_path()).and_then(|about| about.modified()).ok();
    let written = Written::read(config)?;
    Ok(Holding::of("reports", things(all.into_iter().filter(is_dated)), |thing| {
        let is_old = published.is_some_and(|at| thing.is_older(config.operations.keep.report_days, at));
        is_old && written.is_own(config, &thing.path).unwrap_or(false)
    }))
}

/// The logs of runs and of jobs.
fn run_logs(config: &Config, now: SystemTime) -> Result<Holding> {
    let dir = config.operations_dir();
    let runs = dir.join("runs");
    let mut all = inside(&runs)?;
    for job in inside(&dir.join("jobs"))? {
        all.extend(
            inside(&job)?.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "log")),
        );
    }
    let days = config.operations.keep.run_log_days;
    let mut holding = Holding::of("run logs", things(all), |thing| thing.is_older(days, now));
    // those of runs go with what is known of the run, in `run_log`
    holding.goes.retain(|path| !path.starts_with(&runs));
    Ok(holding)
}

fn backups_there(config: &Config) -> Result<Holding> {
    let all = backups(&config.backup_dir())?;
    let goes: Vec<PathBuf> =
        superfluous(all.clone(), config.operations.keep.backups).into_iter().map(|backup| backup.path).collect();
    Ok(Holding::of("backups", things(all.into_iter().map(|backup| backup.path)), |thing| goes.contains(&thing.path)))
}

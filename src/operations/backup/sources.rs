//! What belongs to a backup: every file with its name in it, as it lies there now.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use walkdir::WalkDir;

use super::part::Part;
use crate::common::language::t;
use crate::config::Config;
use crate::exposures::exclusions;
use crate::exposures::files as log_files;
use crate::model;
use crate::serve::deployment::Experiments;

/// How a file is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is: it is replaced and never written to.
    Whole,
    /// Up to its last whole line: lines are added to it.
    Lines,
    /// `NAME=value` settings, without secrets.
    Environment,
    /// `nearset.toml`, without secrets.
    Settings,
    /// Another TOML of the user's, without secrets.
    Toml,
}

/// A file that belongs to a backup.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub part: Part,
    /// Its name in the backup.
    pub name: String,
    pub path: PathBuf,
    pub form: Form,
}

/// Which versions belong to a backup.
pub(super) fn versions(config: &Config, all: bool) -> Result<BTreeSet<String>> {
    let dir = &config.models_dir;
    if all {
        return Ok(model::list(dir)?.whole.into_iter().map(|manifest| manifest.version).collect());
    }
    let traffic = model::traffic(dir)?;
    let beside = traffic.canary.into_iter().chain(traffic.shadow).map(|share| share.version);
    let named = Experiments::read(config)?.versions;
    let all = model::current(dir).into_iter().chain(beside).chain(named);
    // one that is named and gone is doctor's to tell
    Ok(all.filter(|version| dir.join(version).is_dir()).collect())
}

/// All files of some parts.
pub(super) fn sources(
    config: &Config,
    parts: &[Part],
    versions: &BTreeSet<String>,
    settings_files: &[PathBuf],
) -> Result<Vec<Source>> {
    let mut all = Vec::new();
    for part in Part::ALL.into_iter().filter(|part| parts.contains(part)) {
        match part {
            Part::Warehouse => warehouse(config, &mut all)?,
            Part::Models => models(config, versions, &mut all)?,
            Part::Reports => reports(config, &mut all)?,
            Part::Operations => operations(config, &mut all)?,
            Part::Settings => settings(config, settings_files, &mut all)?,
            Part::Logs => logs(config, &mut all)?,
        }
    }
    Ok(all)
}

/// Adds the plain files below a folder that `wanted` picks by their paths below it.
fn below(
    all: &mut Vec<Source>,
    (part, prefix): (Part, &str),
    dir: &Path,
    form: fn(&Path) -> Form,
    wanted: impl Fn(&Path) -> bool,
) -> Result<()> {
    if !dir.is_dir() {
        return Ok(());
    }
    for entry in WalkDir::new(dir).sort_by_file_name() {
        let entry = match entry {
            Ok(entry) => entry,
            // removed while it was looked for
            Err(error) if error.io_error().is_some_and(|e| e.kind() == std::io::ErrorKind::NotFound) => continue,
            Err(error) => return Err(error).with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display())),
        };
        let path = entry.path().strip_prefix(dir).unwrap_or(entry.path());
        let name = path.to_string_lossy();
        let is_own = name.ends_with(".part") || name.ends_with(".lock");
        let is_hidden = path.iter().any(|part| part.to_string_lossy().starts_with('.'));
        if !entry.file_type().is_file() || is_own || is_hidden || !wanted(path) {
            continue;
        }
        if path.to_str().is_none_or(|name| name.contains('\\') || name.chars().any(char::is_control)) {
            tracing::warn!("{:?} is not in the backup: no archive has a place for such a name", entry.path());
        } else {
            all.push(Source {
                part,
                name: format!("{prefix}/{name}"),
                path: entry.path().to_owned(),
                form: form(path),
            });
        }
    }
    Ok(())
}

fn whole(_: &Path) -> Form {
    Form::Whole
}

/// Logs of runs and jobs are written to while they are read.
fn of_log(path: &Path) -> Form {
    let is_log = path.extension().is_some_and(|extension| extension == "jsonl" || extension == "log");
    if is_log { Form::Lines } else { Form::Whole }
}

fn warehouse(config: &Config, all: &mut Vec<Source>) -> Result<()> {
    let path = config.warehouse_path();
    if path.is_file() {
        all.push(Source { part: Part::Warehouse, name: "data/warehouse.duckdb".to_owned(), path, form: Form::Whole });
    }
    let publishing = Path::new(crate::warehouse::PUBLISHING);
    below(all, (Part::Warehouse, "data/_metadata"), &config.metadata_dir(), of_log, |path| path != publishing)
}

fn models(config: &Config, versions: &BTreeSet<String>, all: &mut Vec<Source>) -> Result<()> {
    let dir = &config.models_dir;
    for version in versions {
        below(all, (Part::Models, &format!("models/{version}")), &dir.join(version), whole, |_| true)?;
    }
    for name in ["promotions.jsonl", "traffic.json", "model_registry.json"] {
        let path = dir.join(name);
        if path.is_file() {
            all.push(Source { part: Part::Models, name: format!("models/{name}"), path, form: Form::Whole });
        }
    }
    Ok(())
}

/// Whether a file of the folder of reports is a log of lists.
fn is_list_log(path: &Path) -> bool {
    let name = path.to_string_lossy();
    let stems = [log_files::LOG_NAME, log_files::SHADOW_LOG_NAME].map(|name| name.trim_end_matches(".jsonl"));
    stems.iter().any(|stem| name.starts_with(stem)) && name.contains(".jsonl")
}

fn reports(config: &Config, all: &mut Vec<Source>) -> Result<()> {
    let (evaluation, daily) = (config.evaluation_dir(), config.daily_reports_dir());
    below(all, (Part::Reports, "data/evaluation"), &evaluation, whole, |path| !is_list_log(path))?;
    if !daily.starts_with(std::path::absolute(&config.data_dir).unwrap_or_default())
        && !daily.starts_with(&config.data_dir)
    {
        // others may have files there
        below(all, (Part::Reports, "reports"), &daily, whole, |path| {
            path.to_string_lossy().starts_with("recommendation_report_")
        })?;
    }
    below(all, (Part::Reports, "data/processed"), &config.data_dir.join("processed"), whole, |_| true)
}

/// What waits to be sent is left out: brought back, it would be sent again. So are tokens, which are got anew.
fn operations(config: &Config, all: &mut Vec<Source>) -> Result<()> {
    below(all, (Part::Operations, "data/operations"), &config.operations_dir(), of_log, |path| {
        !path.starts_with("outbox") && !path.to_string_lossy().to_lowercase().contains("token")
    })
}

fn settings(config: &Config, files: &[PathBuf], all: &mut Vec<Source>) -> Result<()> {
    let part = Part::Settings;
    for path in files.iter().filter(|path| path.is_file()) {
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let form = if is_toml { Form::Settings } else { Form::Environment };
        all.push(Source { part, name: format!("settings/{}", file_name(path)), path: path.clone(), form });
    }
    let own = [
        (Some(config.rules_path()), Form::Whole),
        (Some(config.exclude_path()), Form::Whole),
        (Some(config.experiments_path()), Form::Whole),
        (config.contracts_path(), Form::Whole),
        (Some(config.schedule_path()), Form::Toml),
        (Some(config.notify_path()), Form::Toml),
    ];
    // a file with a mistake in it names none
    let lists = exclusions::read(config).unwrap_or_default();
    let lists = lists.files().map(|path| (Some(path.clone()), Form::Whole));
    for (path, form) in own.into_iter().chain(lists) {
        let Some(path) = path.filter(|path| path.is_file()) else { continue };
        let name = match path.strip_prefix(&config.data_dir) {
            Ok(below) => format!("data/{}", below.display()),
            Err(_) => format!("settings/{}", file_name(&path)),
        };
        if !all.iter().any(|other| other.name == name) {
            all.push(Source { part, name, path, form });
        }
    }
    let (sql, views) = match &config.project {
        Some(dir) => (Some(dir.join("sql")), dir.join("views")),
        None => (None, PathBuf::from("views")),
    };
    if let Some(sql) = sql {
        below(all, (part, "project/sql"), &sql, whole, |_| true)?;
    }
    below(all, (part, "project/views"), &views, whole, |_| true)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The exposure log, whoever wrote it: a packed file beside its plain one holds the same lines and is left out.
fn logs(config: &Config, all: &mut Vec<Source>) -> Result<()> {
    let dir = config.evaluation_dir();
    let entries = match fs::read_dir(&dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?,
    };
    let mut names: BTreeSet<String> = BTreeSet::new();
    for entry in entries {
        let entry = entry.with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?;
        let is_file = entry.file_type().is_ok_and(|kind| kind.is_file());
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_file && is_list_log(Path::new(&name)) && !name.ends_with(".part") {
            names.insert(name);
        }
    }
    for name in &names {
        let is_twice = name.strip_suffix(".gz").is_some_and(|plain| names.contains(plain));
        if !is_twice {
            let form = if name.ends_with(".jsonl") { Form::Lines } else { Form::Whole };
            let source =
                Source { part: Part::Logs, name: format!("data/evaluation/{name}"), path: dir.join(name), form };
            all.push(source);
        }
    }
    Ok(())
}

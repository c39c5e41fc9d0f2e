//! The files of a log: the one that is written, those of other servers on the same folder, and those that were rotated
//! and packed. The only place that knows their names.
//!
//! `exposure_log.jsonl` is written by the first server, `exposure_log.server-2.jsonl` by a second one beside it;
//! a full file gets a stamp behind that (`….20261028T010203.004Z.jsonl`), and `.gz` once it is packed. Any other name
//! that starts and ends so, as other programs that rotate logs give, is read too.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};

/// The log that is being written; every other name of its files starts with the same stem.
pub const LOG_NAME: &str = "exposure_log.jsonl";

/// The log of lists that shadow versions made; no exposures, so the pipeline does not read it.
pub const SHADOW_LOG_NAME: &str = "shadow_log.jsonl";

/// Whether a file's name is that of a part of the exposure log.
pub fn is_log(name: &str) -> bool {
    name.strip_prefix("exposure_log")
        .is_some_and(|rest| rest.contains(".jsonl") && !rest.ends_with(".part") && !rest.ends_with(".damaged"))
}

/// Whether a file is packed.
pub fn is_packed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

/// The log's files in a folder: plain ones only, the one that is being written last. A packed file beside its plain one,
/// as a kill leaves it, holds the same lines and is left out.
///
/// # Errors
/// The folder is there and cannot be read.
pub fn all(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_twice = is_packed(&path) && path.with_extension("").exists();
        if is_log(&name) && path.is_file() && !is_twice {
            found.push(path);
        }
    }
    found.sort_by_key(|path| (path.file_name().is_some_and(|name| name == LOG_NAME), path.clone()));
    Ok(found)
}

/// The file that the server of this number writes, from 1, beside the log at `path`.
pub(super) fn of_server(path: &Path, number: usize) -> PathBuf {
    match number {
        1 => path.to_path_buf(),
        number => path.with_file_name(format!("{}.server-{number}.jsonl", stem(path))),
    }
}

/// A name for a full file that no other file has.
///
/// # Errors
/// A thousand names are taken.
pub(super) fn rotated_name(path: &Path, now: DateTime<Utc>) -> std::io::Result<PathBuf> {
    (0..1000)
        .map(|later| now + TimeDelta::milliseconds(later))
        .map(|at| path.with_file_name(format!("{}.{}.jsonl", stem(path), at.format("%Y%m%dT%H%M%S%.3fZ"))))
        .find(|aside| !aside.exists() && !packed_name(aside).exists())
        .ok_or_else(|| std::io::Error::other("no name is free for the full log"))
}

/// Where a rotated file is packed to.
pub(super) fn packed_name(rotated: &Path) -> PathBuf {
    rotated.with_extension("jsonl.gz")
}

/// The files of a log, whichever server wrote them, that were rotated and not packed yet, oldest first.
pub(super) fn rotated(path: &Path) -> Vec<PathBuf> {
    let prefix = format!("{}.", stem(path));
    let is_stamp = |stamp: &str| stamp.len() == 20 && stamp.ends_with('Z') && stamp.as_bytes()[8] == b'T';
    let is_rotated = |name: &str| {
        let middle = name.strip_prefix(&prefix).and_then(|rest| rest.strip_suffix(".jsonl"));
        middle.is_some_and(|middle| {
            let without_server = match middle.strip_prefix("server-").and_then(|rest| rest.split_once('.')) {
                Some((_, stamp)) => stamp,
                None => middle,
            };
            is_stamp(without_server)
        })
    };
    let entries = path.parent().and_then(|dir| fs::read_dir(dir).ok()).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .filter(|entry| is_rotated(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    found
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

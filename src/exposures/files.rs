//! The files of a log: the one that is written, those of other servers on the same folder, and those that were rotated
//! and packed. The only place that knows their names.
//!
//! `exposure_log.jsonl` is written by the first server, `exposure_log.server-2.jsonl` by a second one beside it;
//! a full file gets a stamp after that (`….20261028T010203.004Z.jsonl`), and `.gz` once it is packed. Any other name
//! that starts and ends so, as other programs that rotate logs give, is read too.

use std::fs;
use std::path::{Path, PathBuf};

use crate::common::language::either;
use chrono::{DateTime, TimeDelta, Utc};

/// The log that is being written; every other name of its files starts with the same stem.
pub const LOG_NAME: &str = "exposure_log.jsonl";

/// The log of lists that shadow versions made; no exposures, so the pipeline does not read it.
pub const SHADOW_LOG_NAME: &str = "shadow_log.jsonl";

/// Where a file of a log is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// A server writes it, or wrote it until it ended.
    Written,
    /// It was full, and waits to be packed.
    Rotated,
    /// It is packed.
    Packed,
    /// Another program rotated it.
    Foreign,
    /// Half of a file: being packed, or what was left of that.
    Part,
}

/// What the name of a file says of it; `None` where it is none of the exposure log's.
pub fn state(name: &str) -> Option<State> {
    state_in(Path::new(LOG_NAME), name)
}

/// The same for the log at `log`.
fn state_in(log: &Path, name: &str) -> Option<State> {
    let rest = name.strip_prefix(&stem(log)).filter(|rest| rest.contains(".jsonl") && !rest.ends_with(".damaged"))?;
    if rest.ends_with(".part") {
        return Some(State::Part);
    }
    if rest.ends_with(".gz") {
        return Some(State::Packed);
    }
    let Some(middle) = rest.strip_suffix(".jsonl") else { return Some(State::Foreign) };
    let of_server = middle.strip_prefix(".server-").map(|of| of.split_once('.').unwrap_or((of, "")));
    Some(match of_server.map_or(middle.trim_start_matches('.'), |(_, stamp)| stamp) {
        "" => State::Written,
        stamp if is_stamp(stamp) => State::Rotated,
        _ => State::Foreign,
    })
}

/// Whether this is the time in the name of a file that was rotated, as in 20261028T010203.004Z.
fn is_stamp(text: &str) -> bool {
    text.len() == 20 && text.ends_with('Z') && text.as_bytes()[8] == b'T'
}

/// Whether the name is that of a file which nearset rotated and packed: of the exposure log, or of the shadow log.
pub fn is_packed_here(name: &str) -> bool {
    let plain = name.strip_suffix(".gz");
    let is_rotated = |log: &str| plain.and_then(|plain| state_in(Path::new(log), plain)) == Some(State::Rotated);
    is_rotated(LOG_NAME) || is_rotated(SHADOW_LOG_NAME)
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
        let is_log = !matches!(state(&name(&path)), None | Some(State::Part));
        let is_twice = is_packed(&path) && path.with_extension("").exists();
        if is_log && path.is_file() && !is_twice {
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
        .ok_or_else(|| std::io::Error::other(either("no name is free for the full log", "写满的日志没有可用的文件名")))
}

/// Where a rotated file is packed to.
pub(super) fn packed_name(rotated: &Path) -> PathBuf {
    rotated.with_extension("jsonl.gz")
}

/// Where a rotated file is packed until it is whole.
pub(super) fn part_name(rotated: &Path) -> PathBuf {
    rotated.with_extension("jsonl.gz.part")
}

/// The files of a log, whichever server wrote them, that were rotated and not packed yet, oldest first.
pub(super) fn rotated(log: &Path) -> Vec<PathBuf> {
    let entries = log.parent().and_then(|dir| fs::read_dir(dir).ok()).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| state_in(log, &name(path)) == Some(State::Rotated) && path.is_file())
        .collect();
    found.sort();
    found
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_a_file_is() {
        for (name, expected) in [
            ("exposure_log.jsonl", Some(State::Written)),
            ("exposure_log.server-2.jsonl", Some(State::Written)),
            ("exposure_log.20261028T010203.004Z.jsonl", Some(State::Rotated)),
            ("exposure_log.server-12.20261028T010203.004Z.jsonl", Some(State::Rotated)),
            ("exposure_log.20261028T010203.004Z.jsonl.gz", Some(State::Packed)),
            ("exposure_log.1.jsonl.gz", Some(State::Packed)),
            ("exposure_log.20261028T010203.004Z.jsonl.gz.part", Some(State::Part)),
            ("exposure_log.1.jsonl", Some(State::Foreign)),
            ("exposure_log.20261001.jsonl", Some(State::Foreign)),
            ("exposure_log-old.jsonl", Some(State::Foreign)),
            ("exposure_log.jsonl.3", Some(State::Foreign)),
            ("exposure_log.1.jsonl.gz.damaged", None),
            ("exposure_log.txt", None),
            ("shadow_log.jsonl", None),
            ("exposures.jsonl", None),
        ] {
            assert_eq!(state(name), expected, "{name}");
        }
        let packed = ["exposure_log.20261028T010203.004Z.jsonl.gz", "shadow_log.20261028T010203.004Z.jsonl.gz"];
        assert!(packed.into_iter().all(is_packed_here));
        assert!(
            !["exposure_log.1.jsonl.gz", "exposure_log.20261028T010203.004Z.jsonl", "x.gz"]
                .into_iter()
                .any(is_packed_here)
        );
    }

    #[test]
    fn what_a_log_names_its_files_is_what_is_read() -> std::io::Result<()> {
        let (log, now) = (Path::new("/nowhere").join(SHADOW_LOG_NAME), Utc::now());
        for (path, expected) in [
            (of_server(&log, 1), State::Written),
            (of_server(&log, 3), State::Written),
            (rotated_name(&log, now)?, State::Rotated),
            (rotated_name(&of_server(&log, 3), now)?, State::Rotated),
            (packed_name(&rotated_name(&log, now)?), State::Packed),
            (part_name(&rotated_name(&log, now)?), State::Part),
        ] {
            assert_eq!(state_in(&log, &name(&path)), Some(expected), "{}", path.display());
        }
        Ok(())
    }
}

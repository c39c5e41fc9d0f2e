//! A folder of one's own with the project's files: written out to be edited, and compared after an upgrade.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde::Serialize;

use super::source_file::{INSIDE, folders, inside, sql_files};
use crate::common::files;
use crate::config;

/// What has been done with the files of [`write_out`], by their paths in the folder.
#[derive(Debug, Default)]
pub struct Written {
    /// Files that were not there.
    pub new: Vec<PathBuf>,
    /// Files that were there already and say something else: left as they are.
    pub left: Vec<PathBuf>,
}

/// How a file of a project differs from the program's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// Both have it, and it says something else.
    Changed,
    /// Only the program has it.
    Missing,
    /// Only the folder has it.
    Own,
}

/// Writes the project that is inside the program into `dir`, with the examples of settings, rules, experiments, jobs and
/// receivers. No file is ever overwritten.
///
/// # Errors
/// The folder cannot be written, or a file in it cannot be read.
pub fn write_out(dir: &Path) -> Result<Written> {
    let settings = config::example_file();
    let beside = [
        ("nearset.toml", settings.as_str()),
        ("rules.example.toml", include_str!("../../rules.example.toml")),
        ("exclude.example.toml", include_str!("../../exclude.example.toml")),
        ("experiments.example.toml", include_str!("../../experiments.example.toml")),
        ("schedule.example.toml", include_str!("../../schedule.example.toml")),
        ("notify.example.toml", include_str!("../../notify.example.toml")),
    ];
    let mut all: Vec<(PathBuf, &str)> = inside().collect();
    all.extend(beside.map(|(file, text)| (PathBuf::from(file), text)));
    let mut written = Written::default();
    for (file, text) in all {
        let place = dir.join(&file);
        match files::read(&place)? {
            None => {
                files::write(&place, text.as_bytes())?;
                written.new.push(file);
            }
            Some(found) if found != text.as_bytes() => written.left.push(file),
            Some(_) => {}
        }
    }
    Ok(written)
}

/// The files of the project in `dir` that differ from those inside the program, by their paths.
///
/// # Errors
/// A file cannot be read, or the folder has no `sql/`.
pub fn differences(dir: &Path) -> Result<Vec<(PathBuf, Difference)>> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    for (file, text) in inside() {
        match files::read(&dir.join(&file))? {
            None => found.push((file.clone(), Difference::Missing)),
            Some(here) if here != text.as_bytes() => found.push((file.clone(), Difference::Changed)),
            Some(_) => {}
        }
        known.insert(file);
    }
    for folder in folders(Some(dir))?.into_iter().chain(INSIDE.iter().map(|(folder, _)| (*folder).to_owned())) {
        let own = sql_files(dir, &folder)?.into_iter().filter(|file| !known.contains(file));
        found.extend(own.map(|file| (file, Difference::Own)));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Also: the program is built again where a file of the project has changed.
    #[test]
    fn what_is_written_out_is_the_checkouts_and_stays_where_it_is_edited() -> Result<()> {
        assert_eq!(differences(Path::new(env!("CARGO_MANIFEST_DIR")))?, []);
        let dir = tempfile::tempdir()?;
        let dir = dir.path();
        assert!(write_out(dir)?.left.is_empty());
        assert_eq!(differences(dir)?, []);
        let [changed, missing, own] = ["sql/clean/datasets.sql", "views/coverage.sql", "views/zz_mine.sql"];
        for file in [changed, own] {
            fs::write(dir.join(file), "-- description: Mine.\nselect 1 as one\n")?;
        }
        fs::remove_file(dir.join(missing))?;
        let expected = [(changed, Difference::Changed), (missing, Difference::Missing), (own, Difference::Own)];
        assert_eq!(differences(dir)?, expected.map(|(file, difference)| (PathBuf::from(file), difference)));
        let again = write_out(dir)?;
        assert_eq!(again.left, [PathBuf::from(changed)]);
        assert_eq!(again.new, [PathBuf::from(missing)]);
        Ok(())
    }
}

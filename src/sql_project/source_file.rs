//! The files of the project, before their text means anything.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::common::files;

/// A file's name without its ending, its path relative to the project, and what is in it.
pub struct SourceFile {
    pub name: String,
    pub file: PathBuf,
    pub sql: String,
}

impl SourceFile {
    /// Reads the file at `path` of the project in `dir`.
    ///
    /// # Errors
    /// It cannot be read, or its name is none of a relation.
    pub fn read(dir: &Path, path: &Path) -> Result<Self> {
        let file = path.strip_prefix(dir).unwrap_or(path).to_path_buf();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            bail!("{}: a relation's name is made of a-z, 0-9 and _; rename the file", file.display());
        }
        let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read as UTF-8", file.display()))?;
        let sql = text.trim_end().trim_end_matches(';').to_owned();
        Ok(Self { name, file, sql })
    }
}

/// The `.sql` files of a folder, by name; none where there is no folder.
///
/// # Errors
/// The folder cannot be read, or a link in it leaves it.
pub fn sql_files(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let within = folder.canonicalize().with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "sql") {
            files::plain(&path)?;
            // what an error shows of a file must not be any file's
            if !path.canonicalize().is_ok_and(|real| real.starts_with(&within)) {
                bail!("{} is a link that leaves its folder; put the file itself there", path.display());
            }
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

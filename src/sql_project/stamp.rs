//! Whether a file of the project was saved since: told by names, sizes and times, without reading any.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use sha2::{Digest, Sha256};
use walkdir::WalkDir;

/// A short text that is another once a file of the project is there, is gone, or was saved. The project is the folder
/// `project`, or what is inside the program with `views/` of the working folder.
pub fn stamp(project: Option<&Path>) -> String {
    let dir = project.unwrap_or(Path::new("."));
    let folders: &[&str] = if project.is_some() { &["sql", "views"] } else { &["views"] };
    let mut digest = Sha256::new();
    for folder in folders {
        let entries = WalkDir::new(dir.join(folder)).follow_links(true).max_depth(8).sort_by_file_name();
        for entry in entries.into_iter().flatten().filter(|entry| entry.file_type().is_file()) {
            let is_ours = entry.path().extension().is_some_and(|extension| extension == "sql" || extension == "toml");
            if let (true, Ok(about)) = (is_ours, entry.metadata()) {
                digest.update(entry.path().as_os_str().as_encoded_bytes());
                digest.update([0]);
                for number in [about.len().cast_signed(), about.mtime(), about.mtime_nsec(), about.ino().cast_signed()] {
                    digest.update(number.to_le_bytes());
                }
            }
        }
    }
    hex::encode(&digest.finalize()[..9])
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn it_is_another_for_each_file_that_is_saved_new_or_gone() -> anyhow::Result<()> {
        let dir = tempfile::tempdir()?;
        let below = dir.path().join("views/mine");
        fs::create_dir_all(&below)?;
        let now = || stamp(Some(dir.path()));
        let mut seen = vec![now()];
        fs::write(below.join("a.sql"), "select 1")?;
        seen.push(now());
        fs::write(below.join("a.sql"), "select 12")?;
        seen.push(now());
        fs::write(dir.path().join("views/dashboards.toml"), "")?;
        seen.push(now());
        fs::remove_file(below.join("a.sql"))?;
        seen.push(now());
        fs::write(dir.path().join("views/notes.txt"), "")?;
        assert_eq!(seen.last(), Some(&now()), "notes are no files of the project");
        let before = seen.len();
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), before);
        Ok(())
    }
}

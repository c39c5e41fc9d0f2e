//! The files of the project, before their text means anything: those of a folder, or those inside the program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use include_dir::{Dir, include_dir};

use super::errors::Problem;
use crate::common::errors::describe;
use crate::common::files;
use crate::common::language::{either, t};

/// `sql/` and `views/` as they were when the program was built.
pub(super) static INSIDE: [(&str, Dir<'static>); 2] =
    [("sql", include_dir!("$CARGO_MANIFEST_DIR/sql")), ("views", include_dir!("$CARGO_MANIFEST_DIR/views"))];

/// What analysts add: read from the working folder also where the rest is the program's.
const VIEWS: &str = "views";

/// A file's name without its ending, its path relative to the project, and what is in it.
pub struct SourceFile {
    pub name: String,
    pub file: PathBuf,
    pub sql: String,
}

impl SourceFile {
    pub(super) fn new(file: PathBuf, text: &str) -> Result<Self, Problem> {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            let message = either(
                "a relation's name is made of a-z, 0-9 and _; rename the file",
                "关系名只能由 a-z、0-9 和 _ 组成，请改文件名",
            );
            return Err(Problem::of_file(&file, message));
        }
        let sql = text.trim_end().trim_end_matches(';').to_owned();
        Ok(Self { name, file, sql })
    }
}

/// The `.sql` files of one folder of the project, as in `sql/staging`, and of those below it, by path; none where there is no
/// such folder. The project is the folder `project`, or where there is none what is inside the program, and beside it `views/` of the working
/// folder, in which a file replaces the program's of its name.
///
/// # Errors
/// The folder cannot be read. A file's own error: it cannot be read, it is a link that leaves the folder, or its name is none of a
/// relation.
pub fn source_files(project: Option<&Path>, folder: &str) -> Result<Vec<Result<SourceFile, Problem>>> {
    let (here, inside) = match project {
        Some(dir) => (sql_files(dir, folder)?, Vec::new()),
        None if folder == VIEWS => (sql_files(Path::new("."), folder)?, sql_files_inside(folder)),
        None => (Vec::new(), sql_files_inside(folder)),
    };
    let dir = project.unwrap_or(Path::new("."));
    let read = |file: &PathBuf| {
        let text = read_within(dir, folder, file).map_err(|error| Problem::of_file(file, describe(&error)))?;
        SourceFile::new(file.clone(), &text)
    };
    let replaced = |(file, _): &(PathBuf, &str)| !here.contains(file);
    let mut found: Vec<_> =
        inside.into_iter().filter(replaced).map(|(file, text)| SourceFile::new(file, text)).collect();
    found.extend(here.iter().map(read));
    Ok(found)
}

/// Where the files of the project come from, for people.
///
/// # Errors
/// `views/` of the working folder cannot be read.
pub fn origin(project: Option<&Path>) -> Result<String> {
    let Some(dir) = project else {
        let inside = either("sql/ and views/ inside the program", "程序自带的 sql/ 和 views/");
        let here = sql_files(Path::new("."), VIEWS)?.len();
        return Ok(match here {
            0 => inside.to_owned(),
            _ => t!("{inside}, and views/ here ({here})", "{inside}，以及当前文件夹的 views/（{here}）"),
        });
    };
    let dir = dir.canonicalize().with_context(|| t!("{} cannot be read", "{} 无法读取", dir.display()))?;
    Ok(t!("sql/ and views/ of {}", "{} 的 sql/ 和 views/", dir.display()))
}

/// The folders below `sql/`.
///
/// # Errors
/// `sql/` cannot be read.
pub fn folders(project: Option<&Path>) -> Result<Vec<String>> {
    let Some(dir) = project else {
        let mut found: Vec<_> = INSIDE[0].1.dirs().map(|dir| format!("sql/{}", dir.path().display())).collect();
        found.sort();
        return Ok(found);
    };
    let entries = fs::read_dir(dir.join("sql"))
        .with_context(|| t!("{} has no folder sql", "{} 中没有 sql 文件夹", dir.display()))?;
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(format!("sql/{}", entry?.file_name().to_string_lossy()));
    let mut found = entries.map(name).collect::<Result<Vec<_>>>()?;
    found.sort();
    Ok(found)
}

fn sql_files_inside(folder: &str) -> Vec<(PathBuf, &'static str)> {
    let is_in = |file: &Path| file.starts_with(folder) && file.extension().is_some_and(|e| e == "sql");
    let mut found: Vec<_> = inside().filter(|(file, _)| is_in(file)).collect();
    found.sort();
    found
}

/// Every file of the project that is inside the program.
pub(super) fn inside() -> impl Iterator<Item = (PathBuf, &'static str)> {
    INSIDE.iter().flat_map(|(folder, dir)| {
        let mut folders = vec![dir];
        let mut found = Vec::new();
        while let Some(dir) = folders.pop() {
            folders.extend(dir.dirs());
            // a test reads them all
            let texts =
                dir.files().map(|file| (Path::new(folder).join(file.path()), file.contents_utf8().unwrap_or_default()));
            found.extend(texts);
        }
        found
    })
}

/// The text of a file below a folder of the project: what an error shows of a file must not be any file's.
fn read_within(dir: &Path, folder: &str, file: &Path) -> Result<String> {
    let (path, within) = (dir.join(file), dir.join(folder).canonicalize()?);
    files::plain(&path)?;
    if !path.canonicalize().is_ok_and(|real| real.starts_with(&within)) {
        bail!(either(
            "it is a link that leaves its folder; put the file itself there",
            "它是指向文件夹之外的链接，请直接放入文件"
        ));
    }
    files::read_text(&path)?.with_context(|| either("it is gone", "文件不见了"))
}

/// The `.sql` files in `dir` below `folder`, also in folders of it, relative to `dir`, by path.
pub(super) fn sql_files(dir: &Path, folder: &str) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        let below = dir.join(&folder);
        if !below.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&below).with_context(|| t!("{} cannot be read", "{} 无法读取", below.display()))?
        {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "sql") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

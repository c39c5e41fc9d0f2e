//! Which exports there are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use chrono::NaiveDateTime;

use crate::common::files;
use crate::common::language::t;
use crate::extract::tables::{TABLES, Table};

/// One export of one table.
#[derive(Debug)]
pub struct ExportFile {
    /// Its file name.
    pub name: String,
    pub(super) path: PathBuf,
    /// Empty for a full export, else `YYYYMMDD_HHMMSS`.
    pub(super) stamp: String,
}

/// Whether this is a time, written as `YYYYMMDD_HHMMSS`.
fn is_stamp(text: &str) -> bool {
    text.len() == 15
        && text.char_indices().all(|(i, c)| if i == 8 { c == '_' } else { c.is_ascii_digit() })
        && NaiveDateTime::parse_from_str(text, "%Y%m%d_%H%M%S").is_ok()
}

/// Whether a file's name is that of a table's full export.
pub fn is_full_name(table: &Table, name: &str) -> bool {
    name.strip_prefix(table.name).is_some_and(|rest| rest == ".json" || rest == ".json.gz")
}

impl ExportFile {
    /// Whether it holds all rows.
    pub fn is_full(&self) -> bool {
        self.stamp.is_empty()
    }

    /// The file's length and the hash of its bytes, in hex.
    ///
    /// # Errors
    /// It is no plain file, or cannot be read.
    pub fn fingerprint(&self) -> Result<(u64, String)> {
        if File::open(&self.path).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
            let path = self.path.display();
            bail!(t!(
                "{path} may not be read by this user; allow it: chmod a+r {path}",
                "当前用户无权读取 {path}；请授权：chmod a+r {path}"
            ));
        }
        Ok((files::plain(&self.path)?.len(), files::sha256(&self.path)?))
    }

    /// Whether what was taken in was only the beginning of the file: it was still being written then.
    pub fn began_as(&self, (bytes, sha256): &(u64, String)) -> Result<bool> {
        Ok(files::plain(&self.path)?.len() > *bytes && files::sha256_start(&self.path, *bytes)? == *sha256)
    }

    /// The file as it is now, at `place`: of lines only the whole ones.
    pub fn copied(&self, place: PathBuf) -> Result<Self> {
        if let Some(folder) = place.parent() {
            files::make_dir(folder)?;
        }
        files::copy(&self.path, &place)?;
        let mut copy = File::options().read(true).write(true).open(&place)?;
        let mut first = [0];
        if !self.name.ends_with(".gz") && copy.read(&mut first)? == 1 && first != *b"[" {
            let whole = files::whole_lines(&mut copy)?;
            copy.set_len(whole)?;
        }
        Ok(self.elsewhere(place))
    }

    /// The same export in another file.
    pub fn elsewhere(&self, path: PathBuf) -> Self {
        Self { name: self.name.clone(), path, stamp: self.stamp.clone() }
    }

    /// Why it cannot be opened, or that it is empty.
    pub fn fault(&self) -> Option<String> {
        let shown = self.path.display();
        match File::open(&self.path).and_then(|mut file| file.read(&mut [0])) {
            Ok(1..) => None,
            Ok(0) => Some(t!(
                "{shown} is empty; export it again ([] says that there are no rows)",
                "{shown} 是空文件；请重新导出（没有数据时应为 []）"
            )),
            Err(error) => {
                let is_closed = error.kind() == std::io::ErrorKind::PermissionDenied;
                let cure = if is_closed { format!("; chmod u+r {shown}") } else { String::new() };
                Some(t!("{shown} cannot be read: {error}{cure}", "{shown} 无法读取：{error}{cure}"))
            }
        }
    }
}

/// The exports in a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// By table: the full export, then increments in the order of their stamps.
    pub files: BTreeMap<&'static str, Vec<ExportFile>>,
    /// JSON files that are no table's.
    pub unknown: Vec<Unknown>,
}

/// A file that is no table's.
#[derive(Clone, Debug, PartialEq)]
pub struct Unknown {
    /// Its file name.
    pub name: String,
    /// The table it may be an export of, and the name it should have then.
    pub meant: Option<(&'static str, String)>,
}

impl Unknown {
    /// A file of this name, where it is JSON or may be meant as an export.
    fn of(name: &str) -> Option<Self> {
        let is_json = name.ends_with(".json") || name.ends_with(".json.gz");
        let meant = meant(name);
        (is_json || meant.is_some()).then(|| Self { name: name.to_owned(), meant })
    }

    /// What to say of it.
    pub fn note(&self) -> String {
        let name = &self.name;
        match &self.meant {
            Some((_, right)) => t!(
                "{name} is no export's name and is left out; did you mean {right}?",
                "{name} 不是导出文件的名称，已略去；是否应为 {right}？"
            ),
            None => t!("{name} is no export of a table that is read; left out", "{name} 不是所读表的导出，已略去"),
        }
    }
}

/// The table a file may be an export of, and the name it should have: another case, a plural, a letter too many, a date in
/// another form.
fn meant(name: &str) -> Option<(&'static str, String)> {
    let lower = name.to_lowercase();
    let kinds =
        [(".json.gz", ".json.gz"), (".json", ".json"), (".jsonl", ".json"), (".ndjson", ".json"), (".csv", ".json")];
    let (stem, ending) = kinds.iter().find_map(|(kind, right)| Some((lower.strip_suffix(kind)?, right)))?;
    let digits: String = stem.chars().filter(char::is_ascii_digit).collect();
    let end = stem.find(|c: char| c.is_ascii_digit()).unwrap_or(stem.len());
    let word = stem[..end].trim_end_matches(|c: char| !c.is_alphanumeric()).replace([' ', '-'], "_");
    let rest = stem[end..].trim_matches(|c: char| c.is_ascii_digit() || " -_:.tz+".contains(c));
    let distance = |table: &&Table| strsim::damerau_levenshtein(&word, table.name);
    let table = TABLES.iter().min_by_key(distance).filter(|table| distance(table) <= table.name.len().min(8) / 4)?;
    let stamp = match (rest, digits.len()) {
        ("", 0) => String::new(),
        ("", count) => {
            let padded = format!("{digits:0<14}");
            let stamp = format!("{}_{}", &padded[..8], &padded[8..]);
            let is_meant = matches!(count, 8 | 10 | 12 | 14) && digits.starts_with("20") && is_stamp(&stamp);
            format!("_{}", if is_meant { &stamp } else { "YYYYMMDD_HHMMSS" })
        }
        _ => return None,
    };
    Some((table.name, format!("{}{stamp}{ending}", table.name)))
}

/// Finds `{table}.json` and `{table}_{YYYYMMDD}_{HHMMSS}.json`, plain or `.gz`.
pub fn list(dir: &Path) -> Result<Listing> {
    let entries = fs::read_dir(dir).with_context(|| {
        t!(
            "DATA_JSON_DIR {} cannot be read; it is the folder of JSON exports",
            "无法读取 DATA_JSON_DIR {}；它应是 JSON 导出文件的目录",
            dir.display()
        )
    })?;
    let mut listing = Listing::default();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".json.gz").or_else(|| name.strip_suffix(".json")) else {
            listing.unknown.extend(Unknown::of(&name));
            continue;
        };
        let found = TABLES.iter().find_map(|table| {
            let rest = stem.strip_prefix(table.name)?;
            if rest.is_empty() {
                return Some((table, ""));
            }
            let stamp = rest.strip_prefix('_')?;
            is_stamp(stamp).then_some((table, stamp))
        });
        match found {
            Some((table, stamp)) => {
                if path.is_dir() {
                    bail!(t!(
                        "{} is a folder; an export is a file: rename it, or move what is in it one level up",
                        "{} 是文件夹，而导出应为文件：请改名，或将其中的文件上移一级",
                        path.display()
                    ));
                }
                files::plain(&path)?;
                let file = ExportFile { stamp: stamp.to_owned(), name: name.clone(), path: path.clone() };
                listing.files.entry(table.name).or_default().push(file);
            }
            None => listing.unknown.extend(Unknown::of(&name)),
        }
    }
    listing.unknown.sort_by(|a, b| a.name.cmp(&b.name));
    for files in listing.files.values_mut() {
        files.sort_by(|a, b| (&a.stamp, &a.name).cmp(&(&b.stamp, &b.name)));
        if let Some(pair) = files.windows(2).find(|pair| pair[0].stamp == pair[1].stamp) {
            bail!(t!(
                "{} and {} are the same export twice; remove one of them",
                "{} 与 {} 是同一份导出；请删去其一",
                pair[0].name,
                pair[1].name
            ));
        }
    }
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_a_time() {
        assert!(is_stamp("20280229_235959"));
        for text in ["20261301_000000", "20261001_250000", "20270229_000000", "2026100_0000000", "20261001-000000", ""]
        {
            assert!(!is_stamp(text), "{text}");
        }
    }

    #[test]
    fn names_that_are_nearly_an_exports_are_told_what_they_should_be() {
        for (name, right) in [
            ("DATASET.JSON", "dataset.json"),
            ("Dataset.json", "dataset.json"),
            ("datasets.json", "dataset.json"),
            ("datset.json.gz", "dataset.json.gz"),
            ("dataset.jsonl", "dataset.json"),
            ("task.csv", "task.json"),
            ("api-order.json", "api_order.json"),
            ("task_2026-10-01.json", "task_20261001_000000.json"),
            ("task-20261001.json.gz", "task_20261001_000000.json.gz"),
            ("task_2026-10-01T08-30-00Z.json", "task_20261001_083000.json"),
            ("task_20261001083000.json", "task_20261001_083000.json"),
            ("tasks_20261001_083000.json", "task_20261001_083000.json"),
            ("task_1.json", "task_YYYYMMDD_HHMMSS.json"),
            ("task_20261301_000000.json", "task_YYYYMMDD_HHMMSS.json"),
            ("task_20261001_250000.json", "task_YYYYMMDD_HHMMSS.json"),
            ("task_2026-02-30.json", "task_YYYYMMDD_HHMMSS.json"),
            ("matomo_log_visits.json", "matomo_log_visit.json"),
        ] {
            assert_eq!(meant(name).map(|(_, right)| right).as_deref(), Some(right), "{name}");
        }
        for name in ["orders.json", "readme.md", "package.json", "task_old.json", "images", "dataset.json.part"] {
            assert_eq!(meant(name), None, "{name}");
        }
    }
}

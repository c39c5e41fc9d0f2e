//! Which exports there are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;

use crate::common::files;
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
    pub fn fingerprint(&self) -> Result<(u64, String)> {
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
        Ok(Self { name: self.name.clone(), path: place, stamp: self.stamp.clone() })
    }

    /// Where the file starts with a byte order mark, as some Windows programs write it, copies it without to `plain`.
    pub fn unmark(&self, plain: &Path) -> Result<bool> {
        let mut reader = self.reader()?;
        let mut start = Vec::new();
        // a file that is no gzip is told of where it is read
        if reader.by_ref().take(3).read_to_end(&mut start).is_err() || start != b"\xef\xbb\xbf" {
            return Ok(false);
        }
        let mut copy = File::create(plain).with_context(|| format!("{} cannot be written", plain.display()))?;
        std::io::copy(&mut reader, &mut copy).with_context(|| format!("{} cannot be read", self.name))?;
        Ok(true)
    }

    /// What is in it, unpacked.
    pub fn reader(&self) -> Result<Box<dyn Read>> {
        let file = File::open(&self.path).with_context(|| format!("{} cannot be read", self.name))?;
        Ok(if self.name.ends_with(".gz") {
            Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file))))
        } else {
            Box::new(BufReader::new(file))
        })
    }
}

/// The exports in a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// By table: the full export, then increments in the order of their stamps.
    pub files: BTreeMap<&'static str, Vec<ExportFile>>,
    /// JSON files that are no table's.
    pub unknown: Vec<String>,
}

/// Finds `{table}.json` and `{table}_{YYYYMMDD}_{HHMMSS}.json`, plain or `.gz`.
pub fn list(dir: &Path) -> Result<Listing> {
    let entries = fs::read_dir(dir)
        .with_context(|| format!("DATA_JSON_DIR {} cannot be read; it is the folder of JSON exports", dir.display()))?;
    let mut listing = Listing::default();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(stem) = name.strip_suffix(".json.gz").or_else(|| name.strip_suffix(".json")) else { continue };
        let found = TABLES.iter().find_map(|table| {
            let rest = stem.strip_prefix(table.name)?;
            if rest.is_empty() {
                return Some((table, ""));
            }
            let stamp = rest.strip_prefix('_')?;
            let well_formed = stamp.len() == 15
                && stamp.char_indices().all(|(i, c)| if i == 8 { c == '_' } else { c.is_ascii_digit() });
            well_formed.then_some((table, stamp))
        });
        match found {
            Some((table, stamp)) => {
                files::plain(&path)?;
                let file = ExportFile { stamp: stamp.to_owned(), name: name.clone(), path: path.clone() };
                listing.files.entry(table.name).or_default().push(file);
            }
            None => listing.unknown.push(name),
        }
    }
    listing.unknown.sort();
    for files in listing.files.values_mut() {
        files.sort_by(|a, b| (&a.stamp, &a.name).cmp(&(&b.stamp, &b.name)));
        if let Some(pair) = files.windows(2).find(|pair| pair[0].stamp == pair[1].stamp) {
            bail!("{} and {} are the same export twice; remove one of them", pair[0].name, pair[1].name);
        }
    }
    Ok(listing)
}

//! JSON exports: which files there are, and how one is taken in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail};
use chrono::{DateTime, Utc};
use duckdb::Connection;
use flate2::read::MultiGzDecoder;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

use super::Watch;
use super::incoming::{self, Fold};
use super::tables::{TABLES, Table};
use crate::config::Config;
use crate::warehouse::{ident, quote, short_error};

/// One export of one table.
#[derive(Debug)]
pub struct ExportFile {
    pub name: String,
    path: PathBuf,
    /// Empty for a full export, else `YYYYMMDD_HHMMSS`.
    stamp: String,
}

/// Whether a file's name is that of a table's full export.
pub fn is_full_name(table: &Table, name: &str) -> bool {
    name.strip_prefix(table.name).is_some_and(|rest| rest == ".json" || rest == ".json.gz")
}

impl ExportFile {
    pub fn is_full(&self) -> bool {
        self.stamp.is_empty()
    }

    pub fn bytes(&self) -> Result<u64> {
        Ok(fs::metadata(&self.path).with_context(|| format!("{} cannot be read", self.name))?.len())
    }

    /// The hash of the file's bytes, in hex.
    pub fn sha256(&self) -> Result<String> {
        sha256_file(&self.path)
    }

    /// Where the file starts with a byte order mark, as some Windows programs write it, copies it without to `plain`.
    fn unmark(&self, plain: &Path) -> Result<bool> {
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

    fn reader(&self) -> Result<Box<dyn Read>> {
        let file = File::open(&self.path).with_context(|| format!("{} cannot be read", self.name))?;
        Ok(if self.name.ends_with(".gz") {
            Box::new(BufReader::new(MultiGzDecoder::new(BufReader::new(file))))
        } else {
            Box::new(BufReader::new(file))
        })
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// The SHA-256 of a file, in hex.
pub fn sha256_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer).with_context(|| format!("{} cannot be read", path.display()))?;
        if read == 0 {
            return Ok(hex(&hash.finalize()));
        }
        hash.update(&buffer[..read]);
    }
}

/// The exports in a folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// By table: the full export, then increments in the order of their stamps.
    pub files: BTreeMap<&'static str, Vec<ExportFile>>,
    /// JSON files that are no table's.
    pub strangers: Vec<String>,
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
                let file = ExportFile { stamp: stamp.to_owned(), name: name.clone(), path: path.clone() };
                listing.files.entry(table.name).or_default().push(file);
            }
            None => listing.strangers.push(name),
        }
    }
    listing.strangers.sort();
    for files in listing.files.values_mut() {
        files.sort_by(|a, b| (&a.stamp, &a.name).cmp(&(&b.stamp, &b.name)));
        if let Some(pair) = files.windows(2).find(|pair| pair[0].stamp == pair[1].stamp) {
            bail!("{} and {} are the same export twice; remove one of them", pair[0].name, pair[1].name);
        }
    }
    Ok(listing)
}

/// Takes one file in. A row replaces the one with its key where its own change time is not older; of rows with one key
/// in one file the newest stays, and of equally new ones the last. Change times in the future count as unknown, and an
/// unknown time neither protects a row nor holds it back.
pub fn take_in(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    table: &Table,
    file: &ExportFile,
    watch: &Watch,
) -> Result<u64> {
    let plain = config.data_dir.join("export.work.json");
    let marked = file.unmark(&plain)?;
    let taken = take_in_from(db, config, as_of, table, file, if marked { &plain } else { &file.path }, watch);
    if marked {
        fs::remove_file(&plain).ok();
    }
    taken
}

/// The same, with the file's bytes at `path`.
fn take_in_from(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    table: &Table,
    file: &ExportFile,
    path: &Path,
    watch: &Watch,
) -> Result<u64> {
    let mut present = columns_of(db, file, path)?;
    present.retain(|column| !incoming::is_left_out(config, table, column));
    if !present.is_empty() {
        if let Some(missing) = table.required.iter().find(|c| !present.contains(**c)) {
            bail!("{}: the column {missing} is missing; it must be there", file.name);
        }
        let without: Vec<&str> = table.optional.iter().copied().filter(|c| !present.contains(*c)).collect();
        if !without.is_empty() && file.stamp.is_empty() {
            (watch.note)(&format!("{}: without {}", file.name, without.join(", ")));
        }
    }
    load_incoming(db, config, as_of, table, (file, path), &present)?;
    let rows = incoming::fold(db, table, Fold { keep_newer: true, fresh: false, numbered: true })
        .map_err(|e| anyhow!("{}: its rows cannot be merged: {}", file.name, short_error(&e)))?;
    db.execute(
        "insert into raw.files values (?, ?, ?, ?, ?)",
        duckdb::params![table.name, file.name, file.bytes()?, file.sha256()?, rows],
    )?;
    Ok(rows)
}

/// The columns a file's rows have; none for an empty file.
fn columns_of(db: &Connection, file: &ExportFile, path: &Path) -> Result<BTreeSet<String>> {
    let sql = format!(
        "select distinct unnest(keys) from (
             select distinct json_keys(json) as keys from read_json_objects({}, format = 'auto'))",
        quote(&path.to_string_lossy())
    );
    db.prepare(&sql)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0)).and_then(|rows| rows.collect()))
        .map_err(|e| unreadable(file, &e))
}

/// Reads the file into the temporary table `incoming`.
fn load_incoming(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    table: &Table,
    (file, path): (&ExportFile, &Path),
    present: &BTreeSet<String>,
) -> Result<()> {
    incoming::keep_columns(db, table, present)?;
    let mut wanted: BTreeSet<&str> = present.iter().map(String::as_str).collect();
    for column in table.columns() {
        wanted.insert(column);
    }
    let spec = wanted.iter().map(|c| format!("{}: 'varchar'", quote(c))).collect::<Vec<_>>().join(", ");
    let zone = incoming::timezone(table, config);
    let times = table
        .columns()
        .filter(|c| c.ends_with("_time"))
        .map(|column| format!("{} as {}", incoming::clock_text(column, zone), ident(column)));
    let keys = table
        .key
        .iter()
        .map(|(column, fallback)| format!("{} as {}", incoming::key_text(column, fallback), ident(column)));
    let rows = format!(
        "select * replace ({}), row_number() over () as _row from read_json({}, columns = {{{spec}}}, format = 'auto')",
        times.chain(keys).collect::<Vec<_>>().join(", "),
        quote(&path.to_string_lossy()),
    );
    incoming::load(db, table, zone, as_of, &file.name, &rows).map_err(|e| unreadable(file, &e))
}

/// Says which file cannot be read and where it breaks: serde_json counts lines and columns over the whole file, where
/// DuckDB counts bytes within a record.
fn unreadable(file: &ExportFile, error: &duckdb::Error) -> anyhow::Error {
    let place = file.reader().ok().and_then(|reader| {
        let mut values = serde_json::Deserializer::from_reader(reader).into_iter::<IgnoredAny>();
        values.find_map(|value| value.err())
    });
    match place {
        Some(fault) => anyhow!("{} is no valid JSON: {fault}; export it again", file.path.display()),
        None => anyhow!("{}: {}", file.path.display(), short_error(error)),
    }
}

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

use super::incoming::{self, Fold};
use super::tables::{TABLES, Table};
use crate::common::files;
use crate::common::progress::Progress;
use crate::common::scratch::Scratch;
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

    /// The file's length and the hash of its bytes, in hex.
    pub fn fingerprint(&self) -> Result<(u64, String)> {
        Ok((files::plain(&self.path)?.len(), files::sha256(&self.path)?))
    }

    /// Whether what was taken in was only the beginning of the file: it was still being written then.
    pub fn began_as(&self, (bytes, sha256): &(u64, String)) -> Result<bool> {
        Ok(files::plain(&self.path)?.len() > *bytes && files::sha256_start(&self.path, *bytes)? == *sha256)
    }

    /// The file as it is now, at `place`: of lines only the whole ones.
    fn copied(&self, place: PathBuf) -> Result<Self> {
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
                files::plain(&path)?;
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
///
/// A file counts as taken in where it is after reading what it was before. One that is still being written gives what is
/// there already, and is read again by the next run.
///
/// # Errors
/// The file is no JSON, or a column that has to be there is missing.
pub fn take_in(
    db: &Connection,
    config: &Config,
    as_of: DateTime<Utc>,
    table: &Table,
    file: &ExportFile,
    watch: &Progress,
) -> Result<u64> {
    let scratch = Scratch::new(&[&config.data_dir])?;
    let before = file.fingerprint()?;
    let taken = take_in_once(db, (config, &scratch), as_of, table, file, watch);
    if file.fingerprint()? == before {
        let rows = taken.with_context(|| format!("{} cannot be taken in", file.name))?;
        db.execute(
            "insert into raw.files values (?, ?, ?, ?, ?)",
            duckdb::params![table.name, file.name, before.0, before.1, rows],
        )?;
        return Ok(rows);
    }
    // read while it was written to: what of it was read, nobody knows
    forget(db, table, &file.name)?;
    let now = file.copied(scratch.path().join("growing").join(&file.name))?;
    let rows = take_in_once(db, (config, &scratch), as_of, table, &now, watch)
        .with_context(|| format!("{} is still being written; run again once it is whole", file.name))?;
    forget(db, table, &file.name)?;
    (watch.note)(&format!(
        "{} is still being written: what is there was taken in, and the next run reads it again; write an export under \
         another name and rename it once it is whole",
        file.name
    ));
    Ok(rows)
}

/// Forgets that a file was taken in, and what was wrong with its rows; the rows stay, and are replaced by themselves when
/// it is read again.
pub fn forget(db: &Connection, table: &Table, name: &str) -> Result<()> {
    db.execute("delete from raw.files where table_name = ? and file = ?", [table.name, name])?;
    db.execute("delete from raw.rejected where source_table = ? and file = ?", [table.name, name])?;
    Ok(())
}

fn take_in_once(
    db: &Connection,
    (config, scratch): (&Config, &Scratch),
    as_of: DateTime<Utc>,
    table: &Table,
    file: &ExportFile,
    watch: &Progress,
) -> Result<u64> {
    let plain = scratch.path().join("export.json");
    let path = if file.unmark(&plain)? { &plain } else { &file.path };
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
    leave_out_many(table, &mut present, &file.name, watch);
    load_incoming(db, config, table, (file, path), &present)?;
    incoming::fold(db, table, Fold { keep_newer: true, fresh: false, numbered: true, as_of })
        .map_err(|e| anyhow!("{}: its rows cannot be merged: {}", file.name, short_error(&e)))
}

/// How many columns that nearset does not know of are kept of a table: no table of a marketplace has more, where values
/// were taken for names an export has thousands.
const UNKNOWN_KEPT: usize = 500;

/// Leaves out columns beyond [`UNKNOWN_KEPT`], and says so.
fn leave_out_many(table: &Table, present: &mut BTreeSet<String>, name: &str, watch: &Progress) {
    let known: BTreeSet<&str> = table.columns().collect();
    let surplus: Vec<String> =
        present.iter().filter(|c| !known.contains(c.as_str())).skip(UNKNOWN_KEPT).cloned().collect();
    if let Some(first) = surplus.first() {
        (watch.note)(&format!(
            "{name} has {} columns; {} of those that nearset does not use are left out, such as {first}",
            present.len(),
            surplus.len()
        ));
    }
    present.retain(|column| !surplus.contains(column));
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
    incoming::load(db, table, zone, &file.name, &rows).map_err(|e| unreadable(file, &e))
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
